"""Every number of the section on studies beyond images is computed again from the rows and tables that it rests on."""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sepzoo.applications import build
from sepzoo.training.study import Study

TRAINING = Path(__file__).parents[2] / "training"
ARMS = ("separable", "bsconv_u", "bsconv_s", "dense")
NAMES = {"separable": "separable", "bsconv_u": "BSConv-U", "bsconv_s": "BSConv-S", "dense": "dense"}
NUMBER = re.compile(r"(?<![\w.])[-+]?\d*\.\d+(?![\w.]*\d)")
KEYWORDS = {"keywords_dscnn": "DS-CNN S", "keywords_tcresnet": "TC-ResNet8"}
KERNELS = {
    "cifar_resnet20": "ResNet20 on CIFAR-10, 3 x 3",
    "tc_resnet8": "TC-ResNet8 on words, 9 steps",
    "inceptiontime": "InceptionTime on OSULeaf, 10 to 40 steps",
}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def rows(study: str) -> list[dict[str, str]]:
    """Return the rows of runs that compare arms."""
    path = TRAINING / "studies" / f"{study}.csv"
    return [row for row in table(path) if row["choosing"] == "False"] if path.is_file() else []


def section() -> str:
    text = (TRAINING / "README.md").read_text(encoding="utf-8")
    return " ".join(re.split("^## ", text.split("## Beyond images\n")[1], maxsplit=1, flags=re.MULTILINE)[0].split())


def accuracies(found: list[dict[str, str]], arm: str) -> dict[str, float]:
    """Return the accuracy of each seed of an arm."""
    return {row["seed"]: float(row["last_accuracy"]) for row in found if row["arm"] == arm}


def interval(values: list[float]) -> tuple[float, float, float]:
    """Return the mean with its 95 % interval by Student's t."""
    mean, half = np.mean(values), np.std(values, ddof=1) / math.sqrt(len(values))
    half *= stats.t.ppf(0.975, len(values) - 1)
    return float(mean), float(mean - half), float(mean + half)


def share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def signed(values: tuple[float, float, float]) -> str:
    mean, low, high = (f"{value:+.3f}".replace("0.", ".", 1) for value in values)
    return f"{mean} ({low} … {high})"


def by_set() -> dict[str, list[dict[str, str]]]:
    """Return the rows of each set of series of which every arm has a seed."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows("series_inceptiontime"):
        found.setdefault(json.loads(row["values"])["case"], []).append(row)
    return {name: each for name, each in sorted(found.items()) if {row["arm"] for row in each} == set(ARMS)}


def of_series() -> list[str]:
    sets = by_set()
    lines = [row_of(name, found) for name, found in sets.items()]
    for first, second in itertools.combinations(ARMS, 2):
        means = [float(np.mean(gaps(found, first, second))) for found in sets.values()]
        lines.append(f"| {NAMES[first]} against {NAMES[second]} | {decided(means)} |")
    return lines


def of_keywords() -> list[str]:
    found = {name: rows(study) for study, name in KEYWORDS.items()}
    lines = [row_of(name, each) for name, each in found.items()]
    for first, second in itertools.combinations(ARMS, 2):
        cells = " | ".join(decided(gaps(each, first, second)) for each in found.values())
        lines.append(f"| {NAMES[first]} against {NAMES[second]} | {cells} |")
    return lines


def row_of(name: str, found: list[dict[str, str]]) -> str:
    """Return each arm's mean accuracy, and how many seeds each has."""
    seeds = {arm: accuracies(found, arm) for arm in ARMS}
    means = " | ".join(share(np.mean(list(each.values()))) for each in seeds.values())
    return f"| {name} | {means} | {min(map(len, seeds.values()))} |"


def gaps(found: list[dict[str, str]], first: str, second: str) -> list[float]:
    """Return by how much one arm is better than another, seed by seed."""
    ours, theirs = accuracies(found, first), accuracies(found, second)
    return [ours[seed] - theirs[seed] for seed in ours if seed in theirs]


def decided(differences: list[float]) -> str:
    """Return the mean of paired differences with its interval, and what it says."""
    found = interval(differences)
    verdict = "undecided" if found[1] <= 0 <= found[2] else "higher" if found[0] > 0 else "lower"
    return f"{signed(found)} | {verdict}"


def of_kernels() -> list[str]:
    lines = []
    for name, title in KERNELS.items():
        layers = [
            {key: float(layer[key]) for key in ("along_depth", "across_kernels", "chance_along_depth")}
            for layer in table(TRAINING / "figures" / f"correlations_{name}.csv")
            if layer["layer"] != "stem" and layer["fits"] and float(layer["inputs"]) > 1
        ]
        means = [share(np.mean([layer[key] for layer in layers])) for key in layers[0]]
        more = sum(layer["along_depth"] >= layer["across_kernels"] for layer in layers)
        lines.append(f"| {title} | {' | '.join(means)} | {more} of {len(layers)} |")
    return lines


def of_rates() -> list[str]:
    """Return the learning rate that each network has chosen."""
    names = {"series_inceptiontime": "InceptionTime", **KEYWORDS}
    found = {
        name: {json.loads(row["values"])["optimizer.learning_rate"] for row in rows(study)}
        for study, name in names.items()
    }
    assert all(len(rates) < 2 for rates in found.values())
    return [f"{name} {share(rate)}" for name, rates in found.items() for rate in rates]


def test_every_number_is_computed_again() -> None:
    text = section()
    sentences = [*of_series(), *of_keywords(), *of_kernels(), *beforehand(), *of_rates()]
    assert [sentence for sentence in sentences if sentence not in text] == []
    for sentence in sentences:
        text = text.replace(sentence, " ")
    assert NUMBER.findall(re.sub(r"```.*?```", "", text)) == []


@pytest.mark.parametrize("study", [*KEYWORDS, "series_inceptiontime"])
def test_the_state_of_a_study_is_said(study: str) -> None:
    done, whole = len(rows(study)), len(list(Study.load(TRAINING / "studies" / f"{study}.yaml").runs()))
    lines = (TRAINING / "README.md").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if line.startswith("|") and f"{study}.yaml" in line]
    assert line.endswith(f"| {done} of {whole} runs |" if done else "| not run |")


def beforehand() -> list[str]:
    """Return the smallest differences that the studies said they would see, by the power of a paired t-test."""
    lines = []
    for name, field, count in (
        ("series_inceptiontime", "expected_deviation_of_cases", 6),
        ("series_inceptiontime", "expected_deviation", 5),
        ("keywords_tcresnet", "expected_deviation", 3),
    ):
        study = Study.load(TRAINING / "studies" / f"{name}.yaml")
        assert len(study.cases if field.endswith("cases") else study.seeds) == count
        deviation = getattr(study, field)
        critical = stats.t.ppf(0.975, count - 1)
        sizes = np.arange(0.0005, 1, 0.0005) * deviation * 10
        seen = stats.nct.sf(critical, count - 1, sizes / deviation * math.sqrt(count))
        lines.append(f"{share(sizes[np.argmax(seen >= 0.8)])} (deviation {share(deviation)})")
    return lines


@pytest.mark.parametrize("study", KEYWORDS)
def test_parameters_are_those_that_a_file_says_and_equal(study: str) -> None:
    path = TRAINING / "studies" / f"{study}.yaml"
    [line] = re.findall(r"# parameters: (.*)", path.read_text(encoding="utf-8"))
    said = [int(number.replace(",", "")) for number in re.findall(r"\d+,\d+", line)]
    runs = {run.arm: run.recipe.model for run in Study.load(path).runs()}
    assert list(runs) == list(ARMS)
    assert [build(model.name, **model.arguments).count_params() for model in runs.values()] == said
    assert max(said) < 1.02 * min(said)


def test_parameters_of_series_are_those_that_the_file_says() -> None:
    text = (TRAINING / "studies" / "series_inceptiontime.yaml").read_text(encoding="utf-8")
    said = {
        int(match[1].replace(",", "")): [int(number.replace(",", "")) for number in re.findall(r"\d+,\d+", match[0])]
        for match in re.finditer(r"(\d+,\d+), \d+,\d+, \d+,\d+ and \d+,\d+", text)
    }
    assert len(said) == 3
    for counts in said.values():
        assert max(counts) < 1.05 * min(counts)
    for found in by_set().values():
        params = {row["arm"]: int(row["params"]) for row in found}
        assert max(params.values()) < 1.05 * min(params.values())
        if params["separable"] in said:
            assert [params[arm] for arm in ARMS] == said[params["separable"]]
