"""The study of shrinking, on a network and data as small as can be."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from tests.test_imports import ROOT


def rows_of(name: str) -> list[dict[str, str]]:
    with (ROOT / "training" / "figures" / f"{name}.csv").open(encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines) if row["way"] != "original"]


def short(figure: str, sign: str = "") -> str:
    """Return a share as the results write it, such as -.0123."""
    text = f"{float(figure):{sign}.4f}"
    return text.replace("0.", ".", 1) if abs(float(figure)) < 1 else text


@pytest.fixture(scope="module")
def results() -> str:
    return (ROOT / "training" / "README.md").read_text(encoding="utf-8").replace("**", "")


def test_each_row_stands_in_the_results(results: str) -> None:
    """Those of the sweep's budgets stand in its view, which `test_shrinking_sweep` holds."""
    for row in rows_of("shrinking"):
        if row["epochs"] == "0" and not row["budget"].startswith("macs"):
            continue
        accuracy, change, error = short(row["accuracy"]), short(row["change"], "+"), short(row["error"])
        plain = row["network"] == "mlperf_tiny_resnet8_cifar10" and row["epochs"] == "0"  # a table of accuracies alone
        assert (f"| {accuracy}" if plain else f"| {accuracy} | {change} ± {error} |") in results, row


def test_each_change_in_the_results_is_of_a_row(results: str) -> None:
    rows = {tuple(short(row[name]) for name in ("accuracy", "change", "error")) for row in rows_of("shrinking")}
    section = results[results.index("### Half of the time") : results.index("### Every budget")]
    found = re.findall(r"\| (-?\d?\.\d{4}) \| \+?(-?\d?\.\d{4}) ± (\.\d{4}) \|", section)
    assert len(found) > 100
    assert set(found) <= rows


def test_each_change_of_photographs_in_the_results_is_of_a_row(results: str) -> None:
    names = ("same", "same_error", "kl", "kl_error", "accuracy")
    rows = {tuple(short(row[name]) for name in names) for row in rows_of("shrinking_photographs")}
    found = re.findall(r"\| (\.\d{4}) ± (\.\d{4}) \| (\d?\.\d{4}) ± (\.\d{4}) \| (\.\d{4}) \|", results)
    assert len(found) > 4
    assert set(found) <= rows


@pytest.mark.nightly
def test_a_row_for_each_way(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    layers = [
        keras.layers.Conv2D(16, 3, activation="relu", name="conv1"),
        keras.layers.Conv2D(16, 3, activation="relu", name="conv2"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(10, activation="softmax", name="fc"),
    ]
    keras.Sequential([keras.Input((8, 8, 1)), *layers], name="net").save(tmp_path / "net.keras")
    ways = ["all", "decouple", "evenly", "by macs", "decouple macs", "channels evenly", "int8", "narrower"]
    network, table = tmp_path / "net.keras", tmp_path / "rows.csv"
    options = ["--data", "digits", "--samples", "40", "--test", "100", "--only", ",".join(ways), "--budget", "macs=60%"]
    options += ["--scores", tmp_path / "scores.json", "--table", table, "--narrower", network]
    line = [sys.executable, ROOT / "training" / "shrinking_study.py", network, *options]
    subprocess.run(list(map(str, line)), check=True, capture_output=True, text=True)
    text = table.read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["way"] for row in rows] == ["original", *ways]
    assert all(float(row["macs"]) <= 0.6 * float(rows[0]["macs"]) for row in rows[1:-2])
    assert float(rows[1]["expected"]) <= min(float(row["expected"]) for row in rows[2:4]) + 1e-9
    assert rows[-1]["accuracy"] == rows[0]["accuracy"]
    assert not table.with_stem("rows_refused").exists()
    again = subprocess.run(list(map(str, line)), check=True, capture_output=True, text=True)
    assert "accuracy" not in again.stdout
    assert table.read_text(encoding="utf-8") == text
    rules = [sys.executable, str(ROOT / "training" / "shrinking_rules.py"), str(tmp_path / "scores.json")]
    printed = subprocess.run(rules, check=True, capture_output=True, text=True).stdout.splitlines()
    columns = {line.split()[0]: line.split()[1:] for line in printed[1:]}
    assert {"best", "even", "equal_level", "greedy", "decouple"} <= columns.keys()
    assert all(float(columns["best"][0]) <= float(row[0]) for row in columns.values() if len(row) == 4)
