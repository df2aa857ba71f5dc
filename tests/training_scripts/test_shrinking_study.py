"""The study of shrinking, on a network and data as small as can be."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from tests.test_imports import ROOT


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
    again = subprocess.run(list(map(str, line)), check=True, capture_output=True, text=True)
    assert "accuracy" not in again.stdout
    assert table.read_text(encoding="utf-8") == text
    rules = [sys.executable, str(ROOT / "training" / "shrinking_rules.py"), str(tmp_path / "scores.json")]
    printed = subprocess.run(rules, check=True, capture_output=True, text=True).stdout.splitlines()
    columns = {line.split()[0]: line.split()[1:] for line in printed[1:]}
    assert {"best", "even", "equal_level", "greedy", "decouple"} <= columns.keys()
    assert all(float(columns["best"][0]) <= float(row[0]) for row in columns.values() if len(row) == 4)
