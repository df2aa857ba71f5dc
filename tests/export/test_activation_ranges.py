"""The range of least error against what NumPy's own rounding loses, tried range by range."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepzoo.export.activation_ranges import Counted

Draw = Callable[[np.random.Generator], np.ndarray]
DRAWS: dict[str, Draw] = {
    "normal": lambda random: random.normal(size=20_000),
    "ReLU": lambda random: np.maximum(random.normal(size=20_000), 0),
    "ReLU6": lambda random: np.clip(random.normal(3, 3, 20_000), 0, 6),
    "long tails": lambda random: random.standard_t(3, 20_000),
    "one side": lambda random: -(random.exponential(size=20_000) ** 2),
    "far from zero": lambda random: random.uniform(5, 6, 20_000),
    "uniform": lambda random: random.uniform(-1, 2, 20_000),
}


def lost(values: np.ndarray, low: float, high: float) -> float:
    """Return the mean squared error of the nearest of 256 values from a lowest to a highest one, zero among them."""
    step = (high - low) / 255
    zero = np.round(-low / step)
    return float(np.square((np.clip(np.round(values / step) + zero, 0, 255) - zero) * step - values).mean())


def found(values: np.ndarray) -> tuple[float, float]:
    counted = Counted(values.min(), values.max())
    for part in np.array_split(values, 3):
        counted.add(part)
    return counted.range_of_least_error()


@pytest.mark.parametrize("name", DRAWS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([1e-3, 1.0, 300.0]))
def test_no_other_range_loses_much_less(name, seed, size):
    values = DRAWS[name](np.random.default_rng(seed)).astype(np.float32) * np.float32(size)
    low, high = min(values.min(), 0), max(values.max(), 0)
    shares = np.linspace(0.05, 1, 20)
    tried = [lost(values, low * below, high * above) for below in shares for above in shares]
    assert lost(values, *found(values)) <= 1.03 * min(tried)


def test_what_lies_far_out_is_given_up_where_the_rest_gains():
    values = np.append(np.random.default_rng(0).normal(size=1_000_000), 20.0)
    assert found(values)[1] < 12
    assert lost(values, *found(values)) < 0.5 * lost(values, values.min(), 20.0)


def test_uniform_values_keep_their_range():
    values = np.random.default_rng(0).uniform(-1, 2, 100_000)
    np.testing.assert_allclose(found(values), (-1, 2), atol=0.03)


@pytest.mark.parametrize("values", [np.zeros(5), np.array([np.nan, 0.0]), np.array([])], ids=["zeros", "nan", "none"])
def test_where_nothing_counts_the_range_stays(values):
    counted = Counted(-1.0, 3.0)
    counted.add(values)
    assert counted.range_of_least_error() == (-1.0, 3.0)


@pytest.mark.parametrize(("low", "high"), [(2.0, 3.0), (-3.0, -2.0), (0.0, 0.0)])
def test_zero_is_always_in_the_range(low, high):
    counted = Counted(low, high)
    counted.add(np.array([low, high]))
    lowest, highest = counted.range_of_least_error()
    assert lowest <= 0 <= highest
