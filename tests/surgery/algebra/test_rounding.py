"""Kernels on a grid: to the nearest, and by what a layer gives, against every way there is and the outputs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.rounding import rounded, rounded_by_outputs, steps_of


def problem(seed: int, weights: int, filters: int, *, alike: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return patches, all of which share a part, and a kernel whose ranges differ by filter."""
    generator = np.random.default_rng(seed)
    patches = generator.normal(size=(200, weights)) + alike * generator.normal(size=(200, 1)) + 1
    return patches, generator.normal(size=(weights, filters)) * np.resize([1, 30], filters)


def by_outputs(
    kernel: np.ndarray, steps: np.ndarray, patches: np.ndarray, right: np.ndarray, *, largest: int = 127
) -> np.ndarray:
    """Return the kernel of one channel, and see that two channels at once give the same."""
    moments = Moments.of([(patches, right)])
    found = rounded_by_outputs(np.stack([kernel, kernel]), np.stack([steps, steps]), [moments] * 2, largest=largest)
    np.testing.assert_array_equal(*found)
    return np.asarray(found[0])


def error(patches: np.ndarray, kernel: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return each filter's variance of what its outputs differ by."""
    return np.asarray((patches @ kernel - patches @ right).var(axis=0))


def on_grid(kernel: np.ndarray, largest: int) -> np.ndarray:
    return np.asarray(kernel * largest / np.abs(kernel).max(axis=0))


def test_rounding_to_the_nearest_is_symmetric_and_by_channel() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 5)) * [1, 10, 100, 1000, 0]
    result = rounded(kernel, (-1,))
    for channel, largest in enumerate(np.abs(kernel).max(axis=(0, 1, 2))):
        steps = result[..., channel] / (largest / 127 or 1)
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
        assert np.abs(result - kernel)[..., channel].max() <= largest / 254 + 1e-12


@pytest.mark.parametrize("largest", [7, 127])
@pytest.mark.parametrize("seed", range(5))
def test_of_few_weights_no_way_is_better(seed: int, largest: int) -> None:
    patches, kernel = problem(seed, 5, 2)
    steps = np.abs(kernel).max(axis=0) / largest
    found = by_outputs(kernel, steps, patches, patches @ kernel, largest=largest)
    best = np.full(2, np.inf)
    for up in itertools.product((np.floor, np.ceil), repeat=5):
        way = np.stack([side(np.round(row, 9)) for side, row in zip(up, kernel / steps, strict=True)]) * steps
        best = np.minimum(best, error(patches, way, kernel))
    np.testing.assert_allclose(error(patches, found, kernel), best, rtol=1e-6)


@pytest.mark.parametrize("largest", [7, 127])
def test_of_many_weights_the_outputs_err_less_than_by_the_nearest(largest: int) -> None:
    patches, kernel = problem(0, 40, 20)
    kernel[3] = 0
    steps = np.abs(kernel).max(axis=0) / largest
    found = by_outputs(kernel, steps, patches, patches @ kernel, largest=largest)
    nearest = rounded(kernel, (-1,), largest=largest)
    less, more = error(patches, found, kernel), error(patches, nearest, kernel)
    assert (less <= more * (1 + 1e-9)).all()
    assert less.sum() < 0.9 * more.sum()
    np.testing.assert_allclose(on_grid(found, largest), np.round(on_grid(found, largest)), atol=1e-9)
    assert (np.abs(on_grid(kernel, largest) - on_grid(found, largest)) < 1).all()
    assert (found[3] == 0).all()


@pytest.mark.parametrize("weights", [4, 30])
def test_who_rounds_the_result_changes_nothing(weights: int) -> None:
    patches, kernel = problem(0, weights, 4)
    found = by_outputs(kernel, steps_of(kernel, (-1,))[0], patches, patches @ kernel)
    np.testing.assert_allclose(rounded(found, (-1,)), found, rtol=1e-12)


def test_steps_may_be_coarser_than_a_filter_needs() -> None:
    patches, kernel = problem(1, 6, 10)
    steps = np.full(10, np.abs(kernel).max() / 127)
    found = by_outputs(kernel, steps, patches, patches @ kernel)
    np.testing.assert_allclose(found / steps, np.round(found / steps), atol=1e-9)
    nearest = np.round(kernel / steps) * steps
    assert error(patches, found, kernel).sum() < error(patches, nearest, kernel).sum()


def test_what_the_samples_show_of_the_inputs_counts_not_what_the_outputs_were_before() -> None:
    patches, kernel = problem(2, 20, 3)
    changed = patches + np.random.default_rng(3).normal(size=patches.shape) * 0.1  # as rounding changes what comes
    right = patches @ kernel
    steps = steps_of(kernel, (-1,), largest=7)[0]
    found = by_outputs(kernel, steps, changed, right, largest=7)
    less, more = ((changed @ each - right).var(axis=0) for each in (found, rounded(kernel, (-1,), largest=7)))
    assert (less <= more * (1 + 1e-9)).all()
    assert less.sum() < 0.9 * more.sum()


def test_many_weights_end_where_moving_one_after_the_other_ends() -> None:
    patches, kernel = problem(5, 300, 3)
    right = (patches + np.random.default_rng(6).normal(size=patches.shape) * 0.5) @ kernel
    steps = steps_of(kernel, (-1,), largest=7)[0]
    centred = patches - patches.mean(axis=0)
    expected = np.round(kernel / steps)
    for column, given in enumerate((kernel / steps).T):
        whole, rest = expected[:, column], right[:, column] - right[:, column].mean()
        free = np.flatnonzero(np.abs(whole) < 7)
        for _, weight in itertools.product(range(8), free):
            seen = centred[:, weight] * steps[column]
            best = whole[weight] + seen @ (rest - centred @ whole * steps[column]) / (seen @ seen)
            whole[weight] = np.clip(np.round(best), np.floor(given[weight]), np.ceil(given[weight]))
    found = by_outputs(kernel, steps, patches, right, largest=7)
    np.testing.assert_allclose(found / steps, expected, atol=1e-9)
