"""Every number of the pages on evidence is computed again from the files that it rests on."""

from __future__ import annotations

import csv
import json
import math
import re
import statistics
from pathlib import Path

import pytest
from scipy import stats

from sepzoo.catalog.published import published
from sepzoo.layers import factorization
from tests.test_imports import ROOT
from tests.training_scripts.test_studies import COUNT

PAGES = ("evidence.md", "questions.md")
NUMBER = re.compile(r"(?<![\w.])[-+]?\d*\.\d+(?![\w.]*\d)|(?<![\w.,])\d+,\d{3}(?![\d,])")
"""A number with a point, or a large one: small whole numbers count terms, layers and lines."""
STUDIES = ROOT / "training" / "studies"
KNOWN = {"0.25": "a width", "10,000": "test images of CIFAR-10", "6,000": "QuickNet's images, by its source"}
ARXIV = re.compile(r"arXiv \d{4}\.\d{5}")


def rows(name: str) -> list[dict[str, str]]:
    with (ROOT / "training" / "figures" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def page(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


Interval = tuple[float, float, float]  # a mean, and the ends of its interval of 95 %


def difference(ours: str, theirs: str, images: int = 10_000) -> Interval:
    """Return the difference of two accuracies in points, as of two networks that see different images."""
    first, second = float(ours), float(theirs)
    half = stats.norm.ppf(0.975) * math.sqrt((first * (1 - first) + second * (1 - second)) / images)
    return 100 * (first - second), 100 * (first - second - half), 100 * (first - second + half)


def in_points(interval: Interval) -> str:
    return "{:+.1f} ({:+.1f} … {:+.1f})".format(*interval)


def over_layers(values: list[float]) -> Interval:
    mean, error = statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))
    half = stats.t.ppf(0.975, len(values) - 1) * error
    return mean, mean - half, mean + half


def in_shares(interval: Interval) -> str:
    return "{} ({} … {})".format(*map(share, interval))


def decoupled(order: str, terms: int, method: str) -> dict[str, str]:
    wanted = (order, str(terms), method)
    [found] = [row for row in rows("decoupling") if (row["order"], row["terms"], row["method"]) == wanted]
    return found


def figure(name: str, dataset: str = "cifar10") -> str:
    [found] = [row.value for row in published() if (row.name, row.dataset) == (name, dataset)]
    return found


def of_vgg16(variant: str, metric: str) -> tuple[str, float]:
    [row] = [row for row in published() if (row.arxiv, row.variant, row.metric) == ("1808.05517", variant, metric)]
    return row.value, float(row.macs or 0) / 1e9


def behind_the_first() -> list[dict[str, float]]:
    columns = ("along_depth", "across_kernels", "chance_along_depth", "chance_across_kernels")
    return [{column: float(row[column]) for column in columns} for row in rows("correlations_cifar_resnet20")[1:]]


def counts(study: str) -> dict[str, str]:
    text = (STUDIES / f"{study}.yaml").read_text(encoding="utf-8")
    return {match["arm"]: match["params"] for match in COUNT.finditer(text)}


def trained(name: str) -> list[dict[str, float]]:
    path = ROOT / "sepzoo" / "catalog" / "packaged_weights" / "cifar10" / f"{name}.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["log"])


def last(name: str) -> str:
    return str(trained(name)[-1]["val_accuracy"])


def of_arm(study: str, arm: str) -> list[dict[str, str]]:
    """Return the rows of an arm that were compared, seed after seed."""
    with (STUDIES / f"{study}.csv").open(encoding="utf-8", newline="") as lines:
        found = [row for row in csv.DictReader(lines) if (row["arm"], row["choosing"]) == (arm, "False")]
    return sorted(found, key=lambda row: int(row["seed"]))


def of_one_seed(study: str, *arms: str) -> tuple[dict[str, dict[str, str]], float]:
    """Return the row of the first seed of each arm, and the rate of all of them."""
    found = {arm: of_arm(study, arm)[0] for arm in arms}
    assert {row["seed"] for row in found.values()} == {"0"}
    [rate] = {json.loads(row["values"])["optimizer.learning_rate"] for row in found.values()}
    return found, rate


def paired(study: str, ours: str, theirs: str, *, seeds: int = 5) -> Interval:
    """Return the difference of two arms in points, by Student's t over the seeds that both have."""
    pairs = list(zip(of_arm(study, ours), of_arm(study, theirs), strict=True))
    assert [one["seed"] == other["seed"] for one, other in pairs] == [True] * seeds
    return over_layers([100 * (float(one["last_accuracy"]) - float(other["last_accuracy"])) for one, other in pairs])


def of_bsconv() -> list[str]:
    """Return what the page has of claims 4 and 6."""
    study, pair = "bsconv_cifar10", ("cifar_mobilenetv1_w1d4_bsconvu", "cifar_mobilenetv1_w1d4")
    found = [paired(study, f"bsconv_u{more}", f"separable{more}") for more in ("", "_keras")]
    ours, theirs = map(last, pair)
    assert min(interval[1] for interval in (*found, difference(ours, theirs))) > 0
    resnets = ("cifar_resnet20_bsconvu", "cifar_resnet20_bsconvs_p1d4")
    small = [difference(last(name), last("cifar_resnet20")) for name in resnets]
    assert max(interval[2] for interval in small) < 0
    assert {len(trained(name)) for name in (*pair, "cifar_resnet20", *resnets)} == {200}
    [costs] = {int(row["macs"]) for row in of_arm(study, "bsconv_u")}
    [cheaper] = {int(row["macs"]) for row in of_arm(study, "separable")}
    return [
        f"12 epochs, five seeds: {in_points(found[0])}, with Keras's initial weights {in_points(found[1])}; "
        f"200 epochs, one seed: {100 * float(theirs):.2f} and {100 * float(ours):.2f} %, "
        f"{in_points(difference(ours, theirs))} | holds |",
        f"ResNet20, 200 epochs, one seed: BSConv-U {in_points(small[0])}, BSConv-S "
        f"{in_points(small[1])}, of two thirteenths and a ninth of the parameters",
        f"as many parameters, and {costs / cheaper:.2f} times the multiply-accumulates",
    ]


def of_xception() -> list[str]:
    """Return what the page has of claims 7 and 8; of the first by the same pair of networks in the study of claim 9."""
    found, rate = of_one_seed("xception_ablations", "depthwise_first", "pointwise_first", "depthwise_first_relu")
    order = paired("hybrid_hypothesis", "extreme_inception", "separable")
    arms = ("depthwise_first_relu", "shortcuts")
    between, around = (paired("xception_ablations", arm, "depthwise_first", seeds=3) for arm in arms)
    assert order[1] > 0 > max(between[2], around[2])
    assert of_arm("hybrid_hypothesis", "extreme_inception")[0]["params"] == found["pointwise_first"]["params"]
    return [
        f"of about {int(found['depthwise_first']['params']):,} parameters, at the rate of {rate} that",
        f"five seeds, 4 epochs: the 1 x 1 step first {in_points(order)} | does not hold here |",
        f"three seeds, 4 epochs: with ReLU between {in_points(between)} | holds |",
        f"three seeds, with as many parameters: {in_points(around)}",
    ]


def of_elsewhere() -> list[str]:
    """Return what the page has of claim 5, and of claim 6 by this study, by one seed."""
    arms = ("mobilenetv2", "mobilenetv2_bsconvs", "resnet20", "resnet20_bsconvu", "resnet20_bsconvs")
    found, rate = of_one_seed("bsconv_elsewhere", *arms)
    plain, orthonormal, dense, *bsconv = (row["last_accuracy"] for row in found.values())
    return [
        f"one seed of three, 4 epochs: {in_points(difference(orthonormal, plain))} | undecided |",
        "after 4 epochs, one seed: BSConv-U {}, BSConv-S {}".format(*(in_points(difference(x, dense)) for x in bsconv)),
        f"at the rate of {rate} that the dense ResNet20 chose, {100 * float(plain):.1f} and "
        f"{100 * float(orthonormal):.1f} % with {int(found['mobilenetv2']['params']):,} parameters",
    ]


def of_hybrid() -> list[str]:
    """Return what the page has of claim 9, by five seeds."""
    study, arms = "hybrid_hypothesis", ("hybrid", "extreme_inception", "inception_s4", "resnext_c8", "regular")
    found, rate = of_one_seed(study, "separable", *arms)
    gaps = {arm: paired(study, arm, "separable") for arm in arms}
    sizes = [int(row["params"]) for row in found.values()]
    [near] = set(re.findall(r"within (\.\d+) of each", (STUDIES / f"{study}.yaml").read_text("utf-8")))
    assert gaps["hybrid"] == min(gaps.values(), key=lambda gap: abs(gap[0]))
    assert gaps["hybrid"][1] < -100 * float(near) < gaps["hybrid"][0] < 100 * float(near) < gaps["hybrid"][2]  # open
    assert [arm for arm, gap in gaps.items() if gap[1] > 0] == ["extreme_inception", "inception_s4"]
    assert max(paired(study, arm, "extreme_inception")[2] for arm in arms if arm != "extreme_inception") < 0
    assert max(paired(study, arm, "inception_s4")[2] for arm in ("separable", "hybrid", "regular")) < 0
    return [
        "five seeds, 4 epochs, to the separable network: hybrid {hybrid}, extreme inception "
        "{extreme_inception}, inception of four segments {inception_s4}, ResNeXt {resnext_c8}, regular {regular} "
        "| undecided |".format(**{arm: in_points(gap) for arm, gap in gaps.items()}),
        f"were within {near} of each other, and another not",
        f"All have {min(sizes):,} to {max(sizes):,} parameters, at the rate of {rate} that",
    ]


def of_darknet() -> list[str]:
    """Return what the page has of claim 10, by one seed."""
    arms = ("darknet", "darknet_separable", "darknet_separable_wide", "fractalnet", "fractalnet_separable")
    dense, equal, wide, fractal, separable = (of_arm("darknet_fractalnet", arm)[0]["last_accuracy"] for arm in arms)
    return [
        f"one seed, 4 epochs. DarkNet: {in_points(difference(wide, dense))} with as many parameters, "
        f"{in_points(difference(equal, dense))} with as many channels; FractalNet: "
        f"{in_points(difference(separable, fractal))} with as many channels | undecided |",
        f"{100 * float(fractal):.1f} and {100 * float(separable):.1f} %",
    ]


def claims() -> list[str]:
    """Return what the page on claims has of numbers, each in its words."""
    whole, layers = decoupled("", 0, "original"), behind_the_first()
    exact = [decoupled(order, 9, "data_free") for order in ("pw_dw", "dw_pw")]
    assert {row["plain"] for row in exact} == {whole["plain"]}
    half, fitted = decoupled("pw_dw", 3, "data_free"), decoupled("pw_dw", 3, "data_driven")
    more = [row["along_depth"] - row["across_kernels"] for row in layers]
    chance = [row["chance_along_depth"] for row in layers]
    drop, operations = of_vgg16("VGG16 ND", "top1_drop_points")
    lost, kept = difference(half["plain"], whole["plain"]), over_layers([row["along_depth"] for row in layers])
    assert lost[2] < -float(drop)  # more than the source loses, whatever images are drawn
    assert over_layers(more)[1] > 0  # more along depth than across, but on one component less than half
    assert kept[2] < 0.5
    summaries = sorted(row.value.removeprefix("0") for row in published() if row.arxiv == "1701.04489")
    return [
        f"nine terms: +0.0, in either order; error behind its layers {max(x['layer_error'] for x in exact)} | holds |",
        f"{operations:.2f} of {of_vgg16('VGG16 original', 'flops_G')[0]} G for {drop} points",
        f"{share(int(half['macs']) / int(whole['macs']))} of them: {in_points(lost)}; fitted to 500 images without "
        f"labels: {in_points(difference(fitted['plain'], whole['plain']))} | does not hold here",
        f"{in_points(difference(half['tuned'], whole['plain']))} after it",
        f"the {len(layers)} layers behind the first: {in_shares(kept)} on one; "
        f"along depth {in_shares(over_layers(more))} more than across | holds in part",
        f"more than across in {sum(gap > 0 for gap in more)} of these {len(layers)}",
        f"would keep {share(min(chance))} to {share(max(chance))}",
        f"x 0.25: {figure('cifar_mobilenetv1_w1d4')} and {figure('cifar_mobilenetv1_w1d4_bsconvu')} %",
        f"x 0.25: {figure('cifar_mobilenetv2_w1d4')} and {figure('cifar_mobilenetv2_w1d4_bsconvs_p1d6')} %",
        f"WideResNet 28-10: {figure('cifar_wrn28_10')} %, BSConv-U {figure('cifar_wrn28_10_bsconvu')}, "
        f"BSConv-S {figure('cifar_wrn28_10_bsconvs_p1d4')}",
        "gaps of {}, {} and {} points".format(*summaries),
        "QuickNet's 95.7 %",
        *(*of_bsconv(), *of_elsewhere(), *of_xception(), *of_darknet(), *of_hybrid()),
    ]


def answers() -> list[str]:
    """Return what the page for newcomers has of numbers, each in its words."""
    whole, layers = decoupled("", 0, "original"), behind_the_first()
    one, chance = ([row[column] for row in layers] for column in ("along_depth", "chance_along_depth"))
    table = []
    for terms in range(1, 6):
        bare, fitted = (decoupled("pw_dw", terms, method) for method in ("data_free", "data_driven"))
        percents = " | ".join(f"{100 * float(row['plain']):.1f} %" for row in (bare, fitted))
        table.append(f"| {terms} | {share(int(bare['macs']) / int(whole['macs']))} | {percents} |")
    dense, separable = (factorization(kind).weights(64, 128, kernel_area=9) for kind in ("regular", "separable"))
    return [
        *table,
        f"({100 * float(whole['plain']):.1f} % of the CIFAR-10 test images)",
        f"keeps {share(min(one))} to {share(max(one))} of a filter's energy",
        f"would leave {share(min(chance))} to {share(max(chance))}",
        f"{dense:,} weights become {separable:,}",
        f"a dense ResNet20 has {100 * float(last('cifar_resnet20')):.2f} % and one of BSConv-U "
        f"{100 * float(last('cifar_resnet20_bsconvu')):.2f}.",
        f"{counts('drop_in')['separable']} parameters instead of {counts('drop_in')['dense']}",
        f"has {figure('cifar_wrn28_10')} %, with BSConv-U {figure('cifar_wrn28_10_bsconvu')}, "
        f"with BSConv-S {figure('cifar_wrn28_10_bsconvs_p1d4')}",
    ]


@pytest.mark.parametrize(("name", "sentences"), [("evidence.md", claims()), ("questions.md", answers())])
def test_every_number_is_computed_again(name: str, sentences: list[str]) -> None:
    text = page(name)
    assert [sentence for sentence in sentences if sentence not in text] == []
    left = ARXIV.sub("", text)
    for sentence in sentences:
        left = left.replace(sentence, " ")
    assert [number for number in NUMBER.findall(left) if number not in KNOWN] == []


def test_quicknet_s_figure_is_the_published_one() -> None:
    assert "95.7" in {row.value for row in published() if row.arxiv == "1701.02291"}


def test_a_claim_is_not_run_as_long_as_its_study_has_no_rows() -> None:
    lines = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8").splitlines()
    table = [line.split("|") for line in lines if re.match(r"\| \d+ \|", line)]
    assert [int(cells[1]) for cells in table] == list(range(1, 11))
    files: list[Path] = []
    for cells in table:
        files = [ROOT / "training" / "studies" / name for name in re.findall(r"\w+\.yaml", cells[6])] or files
        ours, verdict = cells[4].strip(), cells[5].strip()
        if int(cells[1]) > 3:
            assert files, cells
            assert all(file.is_file() for file in files)
            has_rows = any(file.with_suffix(".csv").is_file() for file in files)
            has_rows |= any(trained(name) for name in re.findall(r"model=(\w+)", cells[6]))
            assert (verdict == "not run") == (ours == "") == (not has_rows), cells
        assert verdict in ("holds", "holds in part", "does not hold here", "undecided", "not run")


@pytest.mark.parametrize("name", PAGES)
def test_pictures_and_studies_of_a_page_are_there(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    found = re.findall(r"training/(?:figures|studies)/[\w.]+\.(?:png|csv|yaml)", text)
    assert found
    assert all((ROOT / path).is_file() for path in found)
