"""Batches of one size, for steps that are compiled."""

from __future__ import annotations

import numpy as np


def equal_batches(order: np.ndarray, size: int) -> np.ndarray:
    """Return an epoch's numbers of samples in batches of one size: the last is filled up with the epoch's first.

    A backend compiles a step anew for each size that it meets, which takes many times as long as the step.

    Args:
        order: numbers of samples, shape (n,), n > 0.
        size: of a batch; of fewer samples than that, there is one batch of all.

    Returns:
        The numbers, of shape (batches, size).

    Example:
        >>> equal_batches(np.arange(5), 2).tolist()
        [[0, 1], [2, 3], [4, 0]]
        >>> equal_batches(np.arange(2), 16).tolist()
        [[0, 1]]
    """
    size = min(size, len(order))
    return np.resize(order, (-(-len(order) // size), size))
