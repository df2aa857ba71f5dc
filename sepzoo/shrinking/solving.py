"""One choice for each layer, at the least total error within all budgets, with a bound that proves how good it is."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from sepzoo.shrinking.problem import Problem
from sepzoo.shrinking.relaxation import Relaxation
from sepzoo.support.errors import SepzooError
from sepzoo.support.quiet import quiet
from sepzoo.surgery.algebra.allocation import PARETO_FRONT_SIZE, Option, allocate

SECONDS = 60.0
GAP = 1e-6
_INFEASIBLE = 2
"""Status of `scipy.optimize.milp` where the limits can't be kept."""


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

    Raises:
        SepzooError: in that time neither a choice was found nor that there is none.

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
        relaxation = Relaxation.of(problem)
        lagrangian = -math.inf if relaxation is None else relaxation.bound
        return Solution(tuple(picks), error, error, lagrangian, exact=True)
    return _branch_and_bound(problem)


def _small(problem: Problem) -> bool:
    """Return whether costs are whole and the fronts stay so small that none is thinned out."""
    (costs,) = (problem.costs[resource] for resource in problem.budgets)
    whole = all(np.array_equal(each, np.round(each)) for each in costs)
    return whole and math.prod(len(each) for each in costs) <= PARETO_FRONT_SIZE


def _branch_and_bound(problem: Problem) -> Solution | None:
    from scipy.optimize import Bounds, LinearConstraint, milp

    cost, matrix, low, high = problem.program
    relaxation = Relaxation.of(problem)
    possible = np.ones(len(cost), bool) if relaxation is None else relaxation.possible()
    scale = float(np.max(np.abs(cost[possible]))) or 1.0
    with quiet():  # HiGHS prints
        found = milp(
            cost[possible] / scale,
            constraints=LinearConstraint(matrix[:, possible], low, high),
            bounds=Bounds(0, 1),
            integrality=np.ones(int(possible.sum())),
            options={"time_limit": SECONDS, "mip_rel_gap": GAP},
        )
    if found.x is None and found.status != _INFEASIBLE:
        raise SepzooError(
            f"expected a choice for {len(problem.errors)} layers within {SECONDS:.0f} s. Received: none was found, nor "
            f"that there is none ({str(found.message).strip().rstrip('.')}). Keep more layers as they are, or allow "
            "fewer techniques."
        )
    if found.x is None:
        return None
    values = np.zeros(len(cost))
    values[possible] = found.x
    picks, start = [], 0
    for errors in problem.errors:
        picks.append(int(np.argmax(values[start : start + len(errors)])))
        start += len(errors)
    error = problem.total(picks)
    bound = min(error, float(found.mip_dual_bound) * scale)
    lagrangian = -math.inf if relaxation is None else relaxation.bound
    return Solution(tuple(picks), error, bound, lagrangian, exact=error - bound <= 2 * GAP * error)
