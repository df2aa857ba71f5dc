"""Samples in batches of one size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from sepzoo.support.progress import counted


def calibrating(samples: Mapping[str, np.ndarray], size: int = 1) -> Iterator[dict[str, np.ndarray]]:
    """Yield the samples as `in_batches` does, and say how many are done where that takes long."""
    count = -(-len(next(iter(samples.values()), ())) // size)
    return counted(in_batches(samples, size), count, "batches of calibration" if size > 1 else "calibration samples")


def in_batches(samples: Mapping[str, np.ndarray], size: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield the samples in batches of a size, the last filled from the first ones.

    Args:
        samples: as a network takes them, by the names of its inputs.
        size: how many at a time.

    Example:
        >>> [batch["x"].tolist() for batch in in_batches({"x": np.arange(3)}, 2)]
        [[0, 1], [2, 0]]
    """
    count = len(next(iter(samples.values()), ()))
    for start in range(0, count, size):
        rows = np.arange(start, start + size) % count
        yield {name: array[rows] for name, array in samples.items()}
