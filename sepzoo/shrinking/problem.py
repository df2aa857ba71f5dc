"""Choices that add up, within budgets: the problem of one choice for each layer, and the same as a linear program."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np


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
