"""Distributing a budget over layers: one choice for each, at the least total error."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

PARETO_FRONT_SIZE = 20_000
"""Partial choices that are kept while layers are added; up to here the result is the best there is."""


@dataclasses.dataclass(frozen=True)
class Option:
    """One way to do a layer: what it costs and the error that it makes."""

    cost: int
    error: float


def allocate(layers: Sequence[Sequence[Option]], budget: int) -> list[int] | None:
    """Return for each layer the index of an option, so that costs fit the budget and errors add up to the least.

    All choices that no other one beats in both cost and error are followed, with exact costs; where they become more
    than `PARETO_FRONT_SIZE`, the best of each stretch of costs. So it is exact for a few dozen layers, else nearly so.

    Args:
        layers: the options of each layer.
        budget: on the sum of the costs.

    Returns:
        The choice, or None where even the cheapest options do not fit.

    Example:
        >>> conv = [Option(10, 0.5), Option(20, 0.1), Option(30, 0.0)]
        >>> allocate([conv, conv], 40), allocate([conv, conv], 19)
        ([1, 1], None)
    """
    least = [min(option.cost for option in options) for options in layers]
    if sum(least) > budget:
        return None
    costs, errors = np.zeros(1, np.int64), np.zeros(1)
    chosen = np.zeros((1, 0), np.int16)
    for position, options in enumerate(layers):
        room = budget - sum(least[position + 1 :])
        new_costs = np.concatenate([costs + option.cost for option in options])
        new_errors = np.concatenate([errors + option.error for option in options])
        origins = np.tile(np.arange(len(costs)), len(options))
        picks = np.repeat(np.arange(len(options)), len(costs)).astype(np.int16)
        front = _pareto_front(new_costs, new_errors, room)
        costs, errors = new_costs[front], new_errors[front]
        chosen = np.concatenate([chosen[origins[front]], picks[front, None]], axis=1)
    return [int(pick) for pick in chosen[-1]]  # the front falls in error as it rises in cost


def _pareto_front(costs: np.ndarray, errors: np.ndarray, room: int) -> np.ndarray:
    """Return the indices of what fits and is not beaten, by rising cost and falling error."""
    order = np.lexsort((errors, costs))
    order = order[costs[order] <= room]
    lowest = np.minimum.accumulate(errors[order])
    better = np.concatenate([[True], errors[order][1:] < lowest[:-1]])
    order = order[better]
    if len(order) <= PARETO_FRONT_SIZE:
        return order
    span = int(costs[order[-1]] - costs[order[0]])  # of so many costs that all differ: never zero
    stretch = (costs[order] - costs[order[0]]) * PARETO_FRONT_SIZE // span
    last_of_stretch = np.concatenate([stretch[1:] != stretch[:-1], [True]])
    last_of_stretch[0] = True
    return order[last_of_stretch]
