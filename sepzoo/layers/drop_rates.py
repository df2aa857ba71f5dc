"""Rates of stochastic depth, as they grow through a network."""

from __future__ import annotations


def drop_rates(last: float, branches: int) -> list[float]:
    """Return the drop rate of each branch, growing evenly from 0 at the first to `last` at the last.

    Example:
        >>> drop_rates(0.2, 3)
        [0.0, 0.1, 0.2]
    """
    return [last * i / max(branches - 1, 1) for i in range(branches)]
