"""The linear relaxation of a problem: a bound by prices of the resources, and which choices it rules out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from sepzoo.shrinking.problem import Problem
from sepzoo.support.quiet import quiet

DEARER = (1.0, 1.02, 1.05, 1.1, 1.25, 1.5, 2.0, 4.0, 16.0)
"""Factors of the prices, at which a choice within the budgets is looked for."""
ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True, eq=False)
class Relaxation:
    """What prices of the resources prove, and say of single choices.

    Attributes:
        problem: the problem.
        bound: no choice has a smaller total, whatever the solver says of the prices.
        priced: errors with the prices of what is taken, of the choices of all items and the levels of all groups.
        prices: of the budgets, then of the further bounds.
        values: of the relaxation, as `priced`.
    """

    problem: Problem
    bound: float
    priced: np.ndarray
    prices: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, problem: Problem) -> Relaxation | None:
        """Return it, or None where no prices are found, as where nothing keeps the budgets."""
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
            return None
        prices = np.maximum(-found.ineqlin.marginals, 0.0)
        single = len(problem.errors) + len(problem.sizes)
        ties = found.eqlin.marginals[single:]
        links = matrix[equal][single:]
        priced = cost + prices @ matrix[~equal] - ties @ links
        bound = float(sum(priced[part].min() for part in _parts(problem)) - prices @ high[~equal])
        return cls(problem, bound, priced, prices, found.x)

    def possible(self) -> np.ndarray:
        """Return of each unknown whether the best choice may have it.

        Each part of the unknowns, of which one is chosen, adds its least to the bound; with another one of them instead
        the total is at least as much more. What would be worse than a choice that is known isn't in a better one.
        """
        known = min((self.problem.total(picks) for picks in self._found()), default=math.inf)
        most = known - self.bound
        found = np.ones(len(self.priced), bool)
        for part in _parts(self.problem):
            found[part] = self.priced[part] - self.priced[part].min() <= most + ROUNDING * max(abs(known), 1.0)
        return found

    def _found(self) -> Iterator[Sequence[int]]:
        """Yield choices within the budgets, at the levels which the relaxation has most of, or the next ones."""
        parts = _parts(self.problem)
        items = parts[: len(self.problem.errors)]
        most = [int(np.argmax(self.values[part])) for part in parts[len(items) :]]
        further = [min(level + 1, size - 1) for level, size in zip(most, self.problem.sizes, strict=True)]
        cost, matrix, low, high = self.problem.program
        taken = self.prices @ matrix[low != high]
        for levels in (most, further):
            allowed = [self._at(item, levels) for item in range(len(items))]
            for factor in DEARER if all(map(len, allowed)) else ():
                whole = cost + factor * taken
                picks = [int(each[np.argmin(whole[part][each])]) for part, each in zip(items, allowed, strict=True)]
                if self.problem.fits(picks):
                    yield picks
                    break

    def _at(self, item: int, levels: Sequence[int]) -> np.ndarray:
        """Return the choices of an item at levels of the groups."""
        if not self.problem.groups:
            return np.arange(len(self.problem.errors[item]))
        own = [levels[number] for number in self.problem.groups[item]]
        return np.flatnonzero((self.problem.levels[item] == own).all(axis=1))


def _parts(problem: Problem) -> list[slice]:
    """Return the places of the unknowns of which one is chosen: of each item, then of each group."""
    sizes = [*(len(each) for each in problem.errors), *problem.sizes]
    ends = np.cumsum(sizes).tolist()
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
