"""The sweep of shrinking: it shows what the rows say, which stands in the results, and makes what is missing."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

from sepzoo import SepzooError
from sepzoo.data import Samples
from tests.scripts import imported
from tests.test_imports import ROOT

SWEEP = ROOT / "training" / "shrinking_sweep.yaml"
ROWS = ROOT / "training" / "figures" / "shrinking.csv"


def run(*options: object, script: Path = ROOT / "training" / "shrinking_sweep.py", **variables: str) -> str:
    """Return what the sweep prints."""
    line = [sys.executable, str(script), *map(str, options)]
    return subprocess.run(line, check=True, capture_output=True, text=True, env=os.environ | variables).stdout


def test_what_it_shows_stands_in_the_results() -> None:
    shown = run(SWEEP, "--report")
    assert f"```text\n{shown}```" in (ROOT / "training" / "README.md").read_text(encoding="utf-8")


def test_it_shows_each_row_at_its_place() -> None:
    said = yaml.safe_load(SWEEP.read_text(encoding="utf-8"))
    tables = {tuple(each.split()[:2]): each.splitlines() for each in run(SWEEP, "--report").split("\n\n")}
    checked = 0
    for row in csv.DictReader(ROWS.read_text(encoding="utf-8").splitlines()):
        if (row["epochs"], row["seed"]) != ("0", "0") or row["way"] not in said["ways"]:
            continue
        if row["budget"] in said["budgets"]:
            lines = tables[row["network"], f"{row['runtime']},"]
            column = 12 * (1 + said["budgets"].index(row["budget"]))
            [line] = (each for each in lines if each[:12].strip() == row["way"])
            assert float(line[column : column + 12]) == float(row["accuracy"]), row
            checked += 1
    assert checked > 100


def test_a_network_that_is_not_there_is_said_and_left_out(tmp_path: Path) -> None:
    weights = tmp_path / "weights" / "mlperf_tiny_resnet8_cifar10.h5"
    said = run(SWEEP, "--only", "mlperf_tiny_resnet8_cifar10", SEPZOO_SHARED=str(tmp_path))
    assert said == f"mlperf_tiny_resnet8_cifar10: {weights} isn't there\n"


@pytest.mark.parametrize(
    ("option", "given", "first"),
    [("--only", "flower", "mlperf_tiny_resnet8_cifar10,"), ("--budget", "kib=5%", "latency_ms=50% kib=50%")],
)
def test_what_is_not_on_the_list_is_said(option: str, given: str, first: str) -> None:
    line = [sys.executable, str(ROOT / "training" / "shrinking_sweep.py"), str(SWEEP), option, given]
    done = subprocess.run(line, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"expected {option} of {first} " in done.stderr
    assert done.stderr.endswith(f"Received: {given}.\n")


def test_what_was_measured_with_times_and_without_lies_in_two_files(tmp_path: Path) -> None:
    scripts = [ROOT / "training" / f"{name}.py" for name in ("shrinking_sweep", "shrinking_ways")]
    with imported(*scripts) as [sweep, ways]:
        network = sweep.Network("net", "shrinking_study.py", [], "accuracy")
        for budget, ways_and_files in {
            "latency_ms=50%": {"all": "", "bsconv": "_bsconv", "by macs": "_untimed"},
            "kib=50%": {"all": "_untimed", "bsconv": "_untimed_bsconv"},
            "latency_ms=50%,kib=50%": {"all": ""},
        }.items():
            line = network.command("tflite:int8", [budget], [], tmp_path)
            scores = Path(line[line.index("--scores") + 1])
            work = ways.Work(None, "tflite:int8", None, scores=scores)
            for way, file in ways_and_files.items():
                assert work.scores_of(way, budget) == tmp_path / f"net_tflite_int8{file}.json"
        scores.touch()
        assert work.scores_of("bsconv", "kib=50%") == scores


def test_scores_of_something_else_are_no_refusal_of_a_way(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(16, 3), keras.layers.GlobalAveragePooling2D()]
    )
    drawn = Samples(np.random.default_rng(0).normal(size=(40, 8, 8, 1)).astype("float32"), None, origin="noise", seed=0)
    (tmp_path / "net.json").write_text("{}")
    with imported(ROOT / "training" / "shrinking_ways.py") as [ways]:
        work = ways.Work(model, "tflite:float32", drawn, scores=tmp_path / "net.json")
        with work, pytest.raises(SepzooError, match="expected scores that sepzoo shrink wrote"):
            list(work.files(["all"], "macs=50%", tmp_path, lambda way, reason: None))


def test_budgets_that_the_same_ways_can_keep_are_made_together() -> None:
    with imported(ROOT / "training" / "shrinking_sweep.py") as [script]:
        network = script.Network("nosuch", "shrinking_study.py", [], "accuracy")
        timed, both, sizes = ["latency_ms=50%", "latency_ms=25%"], "latency_ms=50%,kib=50%", ["kib=50%"]
        sweep = script.Sweep([network], ["tflite:int8"], [*timed, *sizes, both], ["all", "greedy", "by macs"])
        assert list(sweep.left()) == [
            (network, "tflite:int8", timed, ["all", "greedy", "by macs"]),
            (network, "tflite:int8", sizes, ["all", "greedy"]),
            (network, "tflite:int8", [both], ["all", "by macs"]),
        ]


@pytest.mark.nightly
def test_it_makes_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    layers = [keras.layers.Conv2D(16, 3, activation="relu") for _ in range(2)]
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10, activation="softmax")]
    keras.Sequential([keras.Input((8, 8, 1)), *layers, *head]).save(tmp_path / "net.keras")
    without = shutil.ignore_patterns("figures", "studies")
    folder = shutil.copytree(ROOT / "training", tmp_path / "training", ignore=without)
    folder.joinpath("figures").mkdir()
    options = ["--data", "digits", "--samples", "40", "--compare", "40", "--test", "100"]
    network = {"script": "shrinking_study.py", "arguments": ["$HERE/net.keras", *options], "figure": "accuracy"}
    sweep = {"networks": {"net": network}, "runtimes": ["tflite:float32"], "budgets": ["macs=60%", "kib=1%"]}
    file = tmp_path / "list.yaml"
    file.write_text(yaml.safe_dump({**sweep, "ways": ["decouple", "all", "evenly", "by macs"]}), encoding="utf-8")
    given = {"script": folder / "shrinking_sweep.py", "HERE": str(tmp_path)}
    legend = "of 6 cells; - where no choice keeps the budget, empty where not run\n"
    assert run(file, "--report", **given) == f"0 {legend}"
    assert run(file, "--minutes", 0, **given) == ""
    assert run(file, "--minutes", 0, "--budget", "kib=1%", **given) == ""
    assert "net tflite:float32 macs=60% kib=1%: decouple, all, evenly\n" in run(
        file, "--scores", tmp_path / "scores", **given
    )
    assert {each.name for each in (tmp_path / "scores").iterdir()} == {
        "net_tflite_float32_untimed.json",
        "net_tflite_float32_untimed_decouple.json",  # all techniques were looked at after it
    }
    refused = folder.joinpath("figures", "shrinking_refused.csv").read_text(encoding="utf-8").splitlines()
    reasons = {(row["budget"], row["way"]): row["reason"] for row in csv.DictReader(refused)}
    assert list(reasons) == [("kib=1%", "decouple"), ("kib=1%", "all"), ("kib=1%", "evenly")]
    assert all("budget" in reason for reason in reasons.values())
    shown = run(file, "--report", **given)
    lines = shown.splitlines()
    assert lines[1].split() == ["60%", "MACs", "1%", "bytes"]
    assert [line[:12].strip() for line in lines[2:6]] == ["decouple", "all", "evenly", "by macs"]
    assert all(float(line.split()[1]) > 0 for line in lines[2:5])
    assert all(line.split()[2] == "-" for line in lines[2:5])
    assert shown.endswith(f"6 {legend}")
    assert run(file, **given) == ""
