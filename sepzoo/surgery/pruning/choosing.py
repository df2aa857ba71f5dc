"""How many channels each group loses: by given ratios, or so many that a budget is met."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.name_patterns import fits
from sepzoo.surgery.pruning.costs import Costs
from sepzoo.surgery.pruning.coupling import Group
from sepzoo.surgery.pruning.importance import Ranking

Allocation = Literal["global", "uniform"]
ALLOCATIONS: tuple[str, ...] = get_args(Allocation)
Ratios = float | Mapping[str, float]
STEPS = 64
"""A global choice takes channels out in so many steps a group, or one by one where there are fewer."""


def removable(group: Group, count: int, multiple: int) -> int:
    """Return how many sets of a group may go so that about `count` do: one stays, and multiples are kept.

    Args:
        group: the group.
        count: how many were to go.
        multiple: what the channels that stay of each layer are a multiple of, where any go.

    Example:
        >>> group = Group(("conv",), np.arange(20), 1)
        >>> removable(group, 10, 1), removable(group, 10, 8), removable(group, 3, 8), removable(group, 20, 8)
        (10, 12, 4, 12)
    """
    if count <= 0:
        return 0
    step, size = _step(group, multiple), len(group.sets)
    kept = max(round((size - count) / step), 1) * step
    return size - kept if kept < size else 0


def _step(group: Group, multiple: int) -> int:
    """Return of how many sets the kept ones are a multiple."""
    return multiple // math.gcd(multiple, group.width)


def by_ratios(rankings: Sequence[Ranking], ratios: Ratios, multiple: int) -> np.ndarray:
    """Return the sets that go, the least important share of each group.

    Args:
        rankings: of all groups.
        ratios: the share that goes, of all groups or by a pattern of a layer's name; the last fitting pattern counts.
        multiple: see `removable`.

    Raises:
        SepzooError: a ratio out of range, or a pattern that fits no layer.
    """
    given = {"*": ratios} if not isinstance(ratios, Mapping) else dict(ratios)
    for pattern, ratio in given.items():
        if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0.0 <= ratio < 1.0:
            raise SepzooError(f"expected ratios from 0 up to, not including, 1. Received: ratios={ratios!r}.")
        names = [name for ranking in rankings for name in ranking.group.layers]
        if pattern != "*" and not any(fits(name, pattern) for name in names):
            raise unknown("layer in ratios", pattern, names, "Layers whose outputs can be pruned have a ratio.")
    chosen = []
    for ranking in rankings:
        layers = ranking.group.layers
        fitting = [ratio for pattern, ratio in given.items() if any(fits(name, pattern) for name in layers)]
        wanted = len(ranking.sets) * fitting[-1] if fitting else 0.0
        chosen.append(ranking.sets[: removable(ranking.group, round(wanted), multiple)])
    return np.concatenate(chosen) if chosen else np.zeros(0, int)


def by_budget(
    rankings: Sequence[Ranking], costs: Costs, macs: float, *, allocation: Allocation, multiple: int, most: float
) -> np.ndarray:
    """Return the sets that go, so that the rest takes at most a share of the multiply-accumulates.

    Args:
        rankings: of all groups.
        costs: of the model; the sets that go are taken out of it.
        macs: the share.
        allocation: "global": the least important ones for what they cost, of all groups; "uniform": the same share of
            each group.
        multiple: see `removable`.
        most: the largest share that a group loses.

    Raises:
        SepzooError: the budget can't be reached.
    """
    budget = int(costs.whole * macs)
    choose = {"global": _globally, "uniform": _uniformly}[allocation]
    removed = choose(rankings, costs, budget, multiple, most)
    if costs.macs > budget:
        raise SepzooError(
            f"expected a share of the MACs that can be reached by channels alone, here at least "
            f"{math.ceil(1000 * costs.macs / costs.whole) / 1000:g}. Received: macs={macs}. Raise most_pruned={most}, "
            "or keep fewer layers."
        )
    return removed


def _uniformly(rankings: Sequence[Ranking], costs: Costs, budget: int, multiple: int, most: float) -> np.ndarray:
    """Take the same share out of each group, more and more of it."""
    gone = [0] * len(rankings)
    for permille in range(1, int(1000 * most) + 1):
        if costs.macs <= budget:
            break
        for place, ranking in enumerate(rankings):
            size = len(ranking.sets)
            wanted = removable(ranking.group, round(size * permille / 1000), multiple)
            if wanted > gone[place] and wanted <= size * most:
                costs.remove(ranking.sets[gone[place] : wanted])
                gone[place] = wanted
    return np.concatenate([ranking.sets[:count] for ranking, count in zip(rankings, gone, strict=True)] or [_NONE])


def _globally(rankings: Sequence[Ranking], costs: Costs, budget: int, multiple: int, most: float) -> np.ndarray:
    """Take out the sets that cost the least accuracy for each multiply-accumulate that they save."""
    gone = [0] * len(rankings)
    while costs.macs > budget:
        best, best_price = None, math.inf
        for place, ranking in enumerate(rankings):
            sets = _next(ranking, gone[place], multiple, most)
            saved = costs.saved(sets) if len(sets) else 0
            if saved <= 0:
                continue
            lost = float(ranking.losses[gone[place] : gone[place] + len(sets)].sum())
            if lost / saved < best_price:
                best, best_price = (place, sets), lost / saved
        if best is None:
            break
        place, sets = best
        costs.remove(sets)
        gone[place] += len(sets)
    return np.concatenate([ranking.sets[:count] for ranking, count in zip(rankings, gone, strict=True)] or [_NONE])


def _next(ranking: Ranking, gone: int, multiple: int, most: float) -> np.ndarray:
    """Return the sets of a group that would go next."""
    size, step = len(ranking.sets), _step(ranking.group, multiple)
    kept = size - gone
    chunk = kept % step or step
    chunk += max(size // STEPS - chunk, 0) // step * step
    allowed = gone + chunk <= size * most and kept - chunk >= 1
    return ranking.sets[gone : gone + chunk] if allowed else _NONE


_NONE = np.zeros(0, int)
