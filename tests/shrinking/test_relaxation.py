"""What prices rule out is in no best choice."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepzoo.shrinking.problem import Problem
from sepzoo.shrinking.relaxation import Relaxation
from sepzoo.shrinking.solving import solve


def rows(seed: int, budgets: int, tightness: float) -> Problem:
    """Return five layers in a row with three levels of channels between them, and many choices for each."""
    random = np.random.default_rng(seed)
    groups = ((0,), (0, 1), (1, 2), (2, 3), (3,))
    levels, errors, costs = [], [], []
    for own in groups:
        level = random.integers(0, 3, (60, len(own)))
        level[:9] = np.stack(np.divmod(np.arange(9), 3), axis=1)[:, : len(own)]
        taken = random.uniform(0.05, 1.0, (budgets, 60)) * 0.8 ** level.sum(axis=1)
        levels.append(level)
        errors.append((1 - taken.mean(axis=0)) ** 2 * random.uniform(0.2, 1.0, 60) + 0.1 * level.sum(axis=1))
        costs.append(taken)
    names = [f"resource{number}" for number in range(budgets)]
    return Problem(
        errors=tuple(errors),
        costs={name: tuple(each[number] for each in costs) for number, name in enumerate(names)},
        budgets={
            name: tightness * sum(float(each[number].max()) for each in costs) for number, name in enumerate(names)
        },
        levels=tuple(levels),
        groups=groups,
        sizes=(3, 3, 3, 3),
    )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), budgets=st.integers(1, 3), tightness=st.floats(0.3, 0.9))
def test_the_solution_is_that_of_all_choices(seed: int, budgets: int, tightness: float) -> None:
    problem = rows(seed, budgets, tightness)
    found = solve(problem)
    with mock.patch.object(Relaxation, "possible", autospec=True, return_value=np.ones(312, bool)):
        whole = solve(problem)
    assert (found is None) == (whole is None)
    if found is None or whole is None:
        return
    assert found.error == pytest.approx(whole.error, rel=1e-6, abs=1e-9)
    assert found.bound <= whole.error * (1 + 1e-6)
    assert found.gap < 1e-3


def test_most_choices_are_ruled_out() -> None:
    shares = []
    for seed in range(5):
        relaxation = Relaxation.of(rows(seed, 2, 0.6))
        assert relaxation is not None
        shares.append(float(relaxation.possible()[:300].mean()))
    assert max(shares) < 0.6


def test_where_nothing_keeps_the_budgets_there_are_no_prices() -> None:
    assert Relaxation.of(rows(0, 1, 0.01)) is None
