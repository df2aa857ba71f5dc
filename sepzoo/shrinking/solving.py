"""One choice for each layer, at the least total error within all budgets, with a bound that proves how good it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from sepzoo.support.quiet import quiet
from sepzoo.surgery.algebra.allocation import PARETO_FRONT_SIZE, Option, allocate

SECONDS = 60.0
GAP = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Bound:
    """What one item's choice and the levels of some groups may add up to.

    Attributes:
        item: its number, and what each of its choices takes; None where it is levels alone.
        groups: by number of a group what each of its levels takes.
        most: what there is.
    """

    item: tuple[int, np.ndarray] | None
    groups: Mapping[int, np.ndarray]
    most: float


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """Choices that add up.

    Attributes:
        errors: of each choice of each item.
        costs: by resource, the same of its costs.
        budgets: by resource, what the costs may add up to.
        levels: of each choice of each item the level of the item's groups, (choices, groups of the item).
        groups: of each item the numbers of its groups, in the order of the columns of `levels`.
        sizes: how many levels each group has.
        bounds: beside the budgets.
    """

    errors: tuple[np.ndarray, ...]
    costs: Mapping[str, tuple[np.ndarray, ...]]
    budgets: Mapping[str, float]
    levels: tuple[np.ndarray, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    sizes: tuple[int, ...] = ()
    bounds: tuple[Bound, ...] = ()

    @property
    def linked(self) -> bool:
        """Whether choices of one item bind those of another."""
        return any(self.groups)

    @cached_property
    def program(self) -> tuple[np.ndarray, Any, np.ndarray, np.ndarray]:
        """The problem as costs, matrix and limits of the rows."""
        return _program(self)

    def total(self, picks: Sequence[int]) -> float:
        """Return the error of a choice."""
        return float(sum(errors[pick] for errors, pick in zip(self.errors, picks, strict=True)))

    def cost(self, resource: str, picks: Sequence[int]) -> float:
        """Return what a choice takes of a resource."""
        return float(sum(costs[pick] for costs, pick in zip(self.costs[resource], picks, strict=True)))

    def fits(self, picks: Sequence[int]) -> bool:
        """Return whether a choice keeps the budgets, to rounding, and its levels agree."""
        seen: dict[int, int] = {}
        for item, pick in enumerate(picks):
            for number, level in zip(self.groups[item] if self.groups else (), self._levels(item, pick), strict=True):
                if seen.setdefault(number, level) != level:
                    return False
        sums = [(self.cost(resource, picks), budget) for resource, budget in self.budgets.items()]
        for bound in self.bounds:
            own = 0.0 if bound.item is None else bound.item[1][picks[bound.item[0]]]
            sums.append((own + sum(each[seen[number]] for number, each in bound.groups.items()), bound.most))
        return all(cost <= most + 1e-9 * max(abs(most), 1.0) for cost, most in sums)

    def _levels(self, item: int, pick: int) -> list[int]:
        return self.levels[item][pick].tolist() if self.groups else []


@dataclasses.dataclass(frozen=True)
class Solution:
    """A choice, and how good it is proven to be.

    Attributes:
        picks: of each item the number of the choice.
        error: the total.
        bound: no choice has a smaller total, as the search proved.
        lagrangian: no choice has a smaller total, as prices of the resources alone prove.
        exact: whether nothing better exists, to rounding.
    """

    picks: tuple[int, ...]
    error: float
    bound: float
    lagrangian: float
    exact: bool

    @property
    def gap(self) -> float:
        """The share of the error by which a better choice might be better."""
        return max(0.0, (self.error - self.bound) / self.error) if self.error > 0 else 0.0


def solve(problem: Problem) -> Solution | None:
    """Return the best choice within the budgets, or None where none is.

    One budget and choices that don't bind each other: all fronts of partial sums are followed. Else by branch and bound
    (HiGHS, by `scipy.optimize.milp`), for a minute at most.

    Example:
        >>> one = (np.array([0.0, 1.0]), np.array([0.0, 3.0]))
        >>> found = solve(Problem(one, {"macs": (np.array([9, 4]), np.array([9, 2]))}, {"macs": 14}))
        >>> found.picks, found.error, found.exact
        ((1, 0), 1.0, True)
    """
    if not problem.errors:
        return Solution((), 0.0, 0.0, 0.0, exact=True) if all(each >= 0 for each in problem.budgets.values()) else None
    if not (problem.linked or problem.bounds) and len(problem.budgets) == 1 and _small(problem):
        ((resource, budget),) = problem.budgets.items()
        whole = [
            [Option(int(cost), float(error)) for cost, error in zip(costs, errors, strict=True)]
            for costs, errors in zip(problem.costs[resource], problem.errors, strict=True)
        ]
        picks = allocate(whole, math.floor(budget))
        if picks is None:
            return None
        error = problem.total(picks)
        return Solution(tuple(picks), error, error, lagrangian_bound(problem), exact=True)
    return _branch_and_bound(problem)


def _small(problem: Problem) -> bool:
    """Return whether costs are whole and the fronts stay so small that none is thinned out."""
    (costs,) = (problem.costs[resource] for resource in problem.budgets)
    whole = all(np.array_equal(each, np.round(each)) for each in costs)
    return whole and math.prod(len(each) for each in costs) <= PARETO_FRONT_SIZE


def _branch_and_bound(problem: Problem) -> Solution | None:
    from scipy.optimize import Bounds, LinearConstraint, milp

    cost, matrix, low, high = problem.program
    scale = float(np.max(np.abs(cost))) or 1.0
    with quiet():  # HiGHS prints
        found = milp(
            cost / scale,
            constraints=LinearConstraint(matrix, low, high),
            bounds=Bounds(0, 1),
            integrality=np.ones(len(cost)),
            options={"time_limit": SECONDS, "mip_rel_gap": GAP},
        )
    if found.x is None:
        return None
    picks, start = [], 0
    for errors in problem.errors:
        picks.append(int(np.argmax(found.x[start : start + len(errors)])))
        start += len(errors)
    error = problem.total(picks)
    bound = min(error, float(found.mip_dual_bound) * scale)
    return Solution(tuple(picks), error, bound, lagrangian_bound(problem), exact=error - bound <= 2 * GAP * error)


def _program(problem: Problem) -> tuple[np.ndarray, Any, np.ndarray, np.ndarray]:
    """Return costs, matrix and limits of the rows: one choice each, levels that agree, budgets, further bounds.

    The unknowns are the choices of the items, then the levels of the groups.
    """
    from scipy.sparse import lil_matrix

    starts = np.cumsum([0, *(len(each) for each in problem.errors)])
    group_starts = starts[-1] + np.cumsum([0, *problem.sizes])
    rows: list[tuple[list[int], list[float], float, float]] = []
    for item, errors in enumerate(problem.errors):
        rows.append((list(range(starts[item], starts[item] + len(errors))), [1.0] * len(errors), 1.0, 1.0))
    for number, size in enumerate(problem.sizes):
        rows.append((list(range(group_starts[number], group_starts[number] + size)), [1.0] * size, 1.0, 1.0))
    for item, numbers in enumerate(problem.groups):
        for column, number in enumerate(numbers):
            for level in range(problem.sizes[number]):
                own = np.flatnonzero(problem.levels[item][:, column] == level) + starts[item]
                rows.append(([*own.tolist(), int(group_starts[number] + level)], [*[1.0] * len(own), -1.0], 0.0, 0.0))
    for resource, budget in problem.budgets.items():
        values = np.concatenate(problem.costs[resource]).astype(float)
        scale = max(abs(budget), 1.0)
        rows.append((list(range(len(values))), (values / scale).tolist(), -np.inf, budget / scale))
    for bound in problem.bounds:
        columns: list[int] = []
        factors: list[float] = []
        parts = [] if bound.item is None else [(starts[bound.item[0]], bound.item[1])]
        for start, each in (*parts, *((group_starts[number], each) for number, each in bound.groups.items())):
            columns += range(start, start + len(each))
            factors += (each / max(bound.most, 1.0)).tolist()
        rows.append((columns, factors, -np.inf, bound.most / max(bound.most, 1.0)))
    matrix = lil_matrix((len(rows), int(group_starts[-1])))
    for place, (columns, factors, _low, _high) in enumerate(rows):
        matrix[place, columns] = factors
    cost = np.concatenate([*problem.errors, np.zeros(sum(problem.sizes))])
    return cost, matrix.tocsr(), np.array([row[2] for row in rows]), np.array([row[3] for row in rows])


def lagrangian_bound(problem: Problem) -> float:
    """Return the best bound that prices of the resources prove: each item takes what is best at these prices.

    The prices are those of the linear relaxation; what they prove is added up here, whatever the solver says of it.
    """
    from scipy.optimize import linprog

    cost, matrix, low, high = problem.program
    equal = low == high
    with quiet():
        found = linprog(
            cost,
            A_ub=matrix[~equal],
            b_ub=high[~equal],
            A_eq=matrix[equal],
            b_eq=high[equal],
            bounds=(0, None),
            method="highs",
        )
    if found.status != 0:
        return -math.inf
    prices = np.maximum(-found.ineqlin.marginals, 0.0)
    single = len(problem.errors) + len(problem.sizes)
    ties = found.eqlin.marginals[single:]
    links = matrix[equal][single:]
    priced = cost + prices @ matrix[~equal] - ties @ links
    bound, start = -float(prices @ high[~equal]), 0
    for size in (*(len(each) for each in problem.errors), *problem.sizes):
        bound += float(priced[start : start + size].min())
        start += size
    return bound
