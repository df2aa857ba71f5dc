"""Learning curves stay readable where a value flies off."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepzoo.training.plots import limits, plot_curves
from sepzoo.training.run_folder import Epoch

FALLING = [2.3 * 0.7**epoch for epoch in range(15)]


def history(losses: list[float], val_losses: list[float], val_accuracy: float = 0.5) -> list[Epoch]:
    pairs = enumerate(zip(losses, val_losses, strict=True), start=1)
    return [Epoch(epoch, loss, 0.5, val_loss, val_accuracy, 0.1, 100.0, 1.0) for epoch, (loss, val_loss) in pairs]


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1, 7, 14])
@pytest.mark.parametrize("height", [20.0, 1e6])
def test_one_spike_does_not_flatten_the_curves(place: int, height: float, drawn: list[Any], tmp_path: Path) -> None:
    spiked = [*FALLING]
    spiked[place] = height
    plot_curves(history(FALLING, spiked), tmp_path / "curves.png", title="digits")
    axes = drawn[0].axes[0]
    low, high = axes.get_ylim()
    assert low <= min(FALLING)
    assert max(FALLING) <= high <= 2.2 * max(FALLING)
    marks = [line for line in axes.get_lines() if line.get_marker() == "^"]
    assert [list(mark.get_xdata()) for mark in marks] == [[place + 1]]
    assert marks[0].get_color() == axes.get_lines()[1].get_color()
    assert [text.get_text() for text in axes.texts] == [f"{height:,.3g}"]


def test_a_dip_in_accuracy_is_marked_below(drawn: list[Any], tmp_path: Path) -> None:
    calm = history(FALLING, FALLING, val_accuracy=0.51)
    dip = [Epoch(**{**vars(record), "val_accuracy": 0.1}) if record.epoch == 9 else record for record in calm]
    plot_curves(dip, tmp_path / "curves.png", title="digits")
    axes = drawn[0].axes[1]
    assert axes.get_ylim()[0] > 0.4
    assert [list(line.get_xdata()) for line in axes.get_lines() if line.get_marker() == "v"] == [[9]]


def test_calm_curves_are_shown_whole_and_unmarked(drawn: list[Any], tmp_path: Path) -> None:
    plot_curves(history(FALLING, [1.2 * value for value in FALLING]), tmp_path / "curves.png", title="digits")
    for axes in drawn[0].axes:
        assert len(axes.get_lines()) == 2
        assert list(axes.texts) == []
    assert drawn[0].axes[0].get_ylim()[1] > 1.2 * FALLING[0]


def test_curves_that_rise_at_the_end_are_shown_whole() -> None:
    overfitted = [2.3, 1.0, 0.6, 0.5, 0.6, 1.0, 1.6, 2.2, 2.8, 3.4]
    assert limits([FALLING[:10], overfitted]) == (min(FALLING[:10]), 3.4)


@pytest.mark.parametrize("seed", range(20))
def test_limits_hold_three_quarters_of_each_curve(seed: int) -> None:
    draw = np.random.default_rng(seed)
    curves = [list(draw.lognormal(sigma=draw.uniform(0.1, 2), size=draw.integers(1, 60))) for _ in range(2)]
    found = limits(curves)
    assert found is not None
    low, high = found
    assert min(map(min, curves)) <= low <= high <= max(map(max, curves))
    for curve in curves:
        assert sum(value <= high for value in curve) >= 0.7 * len(curve) - 1
        assert sum(value >= low for value in curve) >= 0.7 * len(curve) - 1


def test_a_loss_that_is_not_a_number_leaves_the_others_visible(drawn: list[Any], tmp_path: Path) -> None:
    broken = [*FALLING[:-1], math.nan]
    plot_curves(history(broken, [math.inf] * 15), tmp_path / "curves.png", title="digits")
    assert drawn[0].axes[0].get_ylim()[1] > FALLING[0]
    assert limits([[math.nan], [math.inf]]) is None


def test_epochs_are_whole_numbers(drawn: list[Any], tmp_path: Path) -> None:
    plot_curves(history(FALLING[:3], FALLING[:3]), tmp_path / "curves.png", title="digits")
    for axes in drawn[0].axes:
        assert all(place == int(place) for place in axes.get_xticks())
