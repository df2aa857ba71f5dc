"""Functions that take a fixed number of samples at once, given any number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Run = Callable[[list[np.ndarray]], Sequence[np.ndarray]]
"""From one array an input to one array an output, the samples along their first axis."""


def in_batches(run: Run, given: Sequence[np.ndarray], batch: int | None) -> list[np.ndarray]:
    """Return the outputs for all samples; what the last batch lacks is filled with zeros, and left out of the outputs.

    Args:
        run: the function.
        given: one array an input.
        batch: how many samples the function takes at once; None: any number.

    Example:
        >>> [array.tolist() for array in in_batches(lambda given: [2 * given[0]], [np.arange(3)], 2)]
        [[0, 2, 4]]
    """
    count = len(given[0])
    if batch is None or batch == count:
        return list(run(list(given)))
    parts = []
    for start in range(0, max(count, 1), batch):
        chunk = [array[start : start + batch] for array in given]
        rest = batch - len(chunk[0])
        full = [np.concatenate([each, np.zeros((rest, *each.shape[1:]), each.dtype)]) for each in chunk]
        parts.append([output[: len(chunk[0])] for output in run(full)])
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
