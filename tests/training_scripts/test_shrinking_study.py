"""The study of shrinking, on a network and data as small as can be."""

from __future__ import annotations

import re
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
    ways = ["all", "decouple", "decouple macs", "channels evenly"]
    options = ["--data", "digits", "--samples", "40", "--only", ",".join(ways), "--budget", "macs=60%"]
    line = [sys.executable, ROOT / "training" / "shrinking_study.py", tmp_path / "net.keras", *options]
    done = subprocess.run(list(map(str, line)), check=True, capture_output=True, text=True)
    rows = [each for each in done.stdout.splitlines() if re.search(r"MACs.*KiB, accuracy \d", each)]
    assert [row.partition("  ")[0] for row in rows] == ["original", *ways]
    shares = [float(share) for row in rows for share in re.findall(r"MACs \((\d\.\d+)\)", row)]
    assert len(shares) == len(ways)
    assert all(share <= 0.6 for share in shares)
    assert all("±" in row for row in rows[1:])
