"""The solver against all choices, one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from sepzoo import SepzooError
from sepzoo.shrinking.problem import Bound, Problem
from sepzoo.shrinking.solving import solve

TOLERANCE = 1e-6
SHAPES = (
    ((), ()),
    ((), (), (), ()),
    ((0,), (0,)),
    ((0,), (0, 1), (1,)),
    ((0, 1), (1, 2), (2,), ()),
)
"""The groups of each item: none, one between two layers, a chain, a branch."""


def drawn(
    seed: int, groups: tuple[tuple[int, ...], ...], budgets: int, tightness: float, *, bounded: bool = False
) -> Problem:
    """Return a problem by chance; the first choice of each level costs most and errs least."""
    random = np.random.default_rng(seed)
    sizes = tuple(int(random.integers(2, 4)) for _ in range(1 + max((n for own in groups for n in own), default=-1)))
    levels, errors, costs = [], [], [[] for _ in range(budgets)]  # type: ignore[var-annotated]
    for own in groups:
        cells = list(itertools.product(*(range(sizes[number]) for number in own)))
        rows = [cell for cell in cells for _ in range(2)]
        levels.append(np.array(rows, int).reshape(len(rows), len(own)))
        errors.append(random.random(len(rows)) * (random.random(len(rows)) > 0.2))
        for each in costs:
            each.append(random.integers(1, 40, len(rows)).astype(float))
    bounds = []
    for item in range(len(groups) if bounded else 0):
        own = random.integers(1, 40, len(errors[item])).astype(float)
        others = {number: random.integers(1, 40, size).astype(float) for number, size in enumerate(sizes)}
        chosen = (item, own) if item % 2 else None
        bounds.append(Bound(chosen, others, tightness * float(40 * (bool(chosen) + len(others)))))
    names = [f"resource{number}" for number in range(budgets)]
    limits = [tightness * sum(float(column.max()) for column in each) for each in costs]
    return Problem(
        errors=tuple(errors),
        costs={name: tuple(each) for name, each in zip(names, costs, strict=True)},
        budgets=dict(zip(names, limits, strict=True)),
        levels=tuple(levels),
        groups=groups,
        sizes=sizes,
        bounds=tuple(bounds),
    )


def agrees(problem: Problem, picks: tuple[int, ...]) -> bool:
    """Return whether picks keep budgets and levels, computed here anew."""
    seen: dict[int, set[int]] = {}
    for own, levels, pick in zip(problem.groups, problem.levels, picks, strict=True):
        for number, level in zip(own, levels[pick].tolist(), strict=True):
            seen.setdefault(number, set()).add(level)
    if any(len(levels) > 1 for levels in seen.values()):
        return False
    for bound in problem.bounds:
        total = sum(float(each[level]) for number, each in bound.groups.items() for level in seen[number])
        if bound.item is not None:
            total += float(bound.item[1][picks[bound.item[0]]])
        if total > bound.most:
            return False
    return all(
        sum(column[pick] for column, pick in zip(columns, picks, strict=True)) <= problem.budgets[name]
        for name, columns in problem.costs.items()
    )


def best(problem: Problem) -> float | None:
    """Return the least error of all choices."""
    every = itertools.product(*(range(len(each)) for each in problem.errors))
    found = [
        sum(float(errors[pick]) for errors, pick in zip(problem.errors, picks, strict=True))
        for picks in every
        if agrees(problem, picks)
    ]
    return min(found, default=None)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    groups=st.sampled_from(SHAPES),
    budgets=st.integers(1, 2),
    tightness=st.sampled_from((0.1, 0.4, 0.6, 1.0)),
    bounded=st.booleans(),
)
def test_nothing_better_exists(
    seed: int, groups: tuple[tuple[int, ...], ...], budgets: int, tightness: float, bounded: bool
) -> None:
    problem = drawn(seed, groups, budgets, tightness, bounded=bounded)
    least, found = best(problem), solve(problem)
    assert (found is None) == (least is None)
    if found is None or least is None:
        return
    assert agrees(problem, found.picks)
    assert problem.fits(found.picks)
    assert found.error == pytest.approx(least, abs=TOLERANCE)
    assert found.error == pytest.approx(problem.total(found.picks), abs=1e-12)
    assert found.bound <= least + TOLERANCE
    assert found.lagrangian <= least + TOLERANCE
    assert found.gap <= 0.01 or found.error < TOLERANCE


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), groups=st.sampled_from(SHAPES), tightness=st.sampled_from((0.4, 0.7)))
def test_all_techniques_together_are_never_worse_than_some(
    seed: int, groups: tuple[tuple[int, ...], ...], tightness: float
) -> None:
    problem = drawn(seed, groups, 1, tightness)
    random = np.random.default_rng(seed)
    kept = [np.flatnonzero(random.random(len(each)) < 0.7) for each in problem.errors]
    if any(len(each) == 0 for each in kept):
        return
    fewer = Problem(
        errors=tuple(errors[own] for errors, own in zip(problem.errors, kept, strict=True)),
        costs={
            name: tuple(column[own] for column, own in zip(columns, kept, strict=True))
            for name, columns in problem.costs.items()
        },
        budgets=problem.budgets,
        levels=tuple(levels[own] for levels, own in zip(problem.levels, kept, strict=True)),
        groups=groups,
        sizes=problem.sizes,
    )
    one, all_of_them = solve(fewer), solve(problem)
    assert one is None or (all_of_them is not None and all_of_them.error <= one.error + TOLERANCE)


def test_one_layer_of_no_choice() -> None:
    one = Problem((np.array([0.5]),), {"macs": (np.array([7.0]),)}, {"macs": 7.0})
    found = solve(one)
    assert found is not None
    assert (found.picks, found.error, found.exact, found.gap) == ((0,), 0.5, True, 0.0)
    assert solve(Problem(one.errors, one.costs, {"macs": 6.9})) is None


def test_picks_that_break_a_budget_or_a_link_do_not_fit() -> None:
    levels = (np.array([[0], [1]]), np.array([[0], [1]]))
    costs = {"macs": (np.array([3.0, 1.0]), np.array([3.0, 1.0]))}
    problem = Problem((np.zeros(2), np.zeros(2)), costs, {"macs": 4.0}, levels, ((0,), (0,)), (2,))
    assert problem.linked
    assert [problem.fits(picks) for picks in ((0, 0), (0, 1), (1, 1))] == [False, False, True]


def test_many_layers_with_one_budget_have_a_gap_below_one_percent() -> None:
    random = np.random.default_rng(4)
    costs = [np.sort(random.integers(1, 10**6, 12).astype(float))[::-1] for _ in range(40)]
    errors = [np.sort(random.random(12)) for _ in range(40)]
    problem = Problem(tuple(errors), {"macs": tuple(costs)}, {"macs": 0.5 * sum(float(each[0]) for each in costs)})
    found = solve(problem)
    assert found is not None
    assert problem.fits(found.picks)
    assert found.gap < 0.01
    assert -math.inf < found.lagrangian <= found.error + TOLERANCE
    assert (found.error - found.lagrangian) / found.error < 0.01


@pytest.mark.parametrize(("status", "refused"), [(1, True), (2, False), (4, True)])
def test_no_choice_in_time_is_not_taken_for_none_at_all(
    monkeypatch: pytest.MonkeyPatch, status: int, refused: bool
) -> None:
    found = scipy.optimize.OptimizeResult(x=None, status=status, message="Time limit reached. ")
    monkeypatch.setattr(scipy.optimize, "milp", lambda *_given, **_more: found)
    costs = (np.array([4.0, 1.0]), np.array([4.0, 1.0]))
    problem = Problem(costs, {"macs": costs, "kib": costs}, {"macs": 5.0, "kib": 5.0})
    if refused:
        with pytest.raises(
            SepzooError, match=r"^expected a choice for 2 layers within 60 s\. .*\(Time limit reached\)\."
        ):
            solve(problem)
    else:
        assert solve(problem) is None
