"""training/pruning_study.py on a network and images so small that it takes seconds."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import keras
import pytest

SCRIPT = Path(__file__).parents[2] / "training" / "pruning_study.py"


@pytest.mark.slow
def test_every_way_has_a_line(tmp_path, monkeypatch, capsys):
    keras.utils.set_random_seed(0)
    stack = [keras.layers.Conv2D(width, 3, 2, activation="relu", name=f"conv{width}") for width in (8, 12)]
    end = [keras.layers.GlobalAveragePooling2D(name="pool"), keras.layers.Dense(10, activation="softmax", name="fc")]
    keras.Sequential([keras.Input((16, 16, 1)), *stack, *end], name="tiny").save(tmp_path / "tiny.keras")
    options = ["--data", "digits", "--macs", "0.6", "--samples", "16", "--test-images", "40"]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(tmp_path / "tiny.keras"), *options])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    first, _head, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("original: accuracy 0.")
    ways = [tuple(line.split()[3:5]) for line in lines]
    assert ways == [(how, by) for how in ("uniform", "global") for by in ("magnitude", "taylor", "output_error")]
    for line in lines:
        budget, macs, *_more = line.split()
        assert float(macs) <= float(budget) == 0.6
        assert all(0 <= float(share) <= 1 for share in line.split()[5:])


@pytest.mark.parametrize("option", ["--help"])
def test_it_says_how_it_is_run(option, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), option])
    with pytest.raises(SystemExit):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert "--samples" in capsys.readouterr().out
