"""Weights that were trained on colour images, adapted to images of another number of channels."""

from __future__ import annotations

import numpy as np

COLOURS = 3


def fit_channels(weights: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return weights that stand on three colours for another number of channels, or None where they are none such.

    A dense kernel (height, width, 3, filters) is summed over the colours for one channel, so that a grey image gives
    what it gave as a colour image; for more channels it is repeated and scaled by 3 / channels, which keeps its outputs
    about as large (both as timm does). A vector, of a batch normalization on the pixels, is averaged or repeated.

    Args:
        weights: as trained.
        shape: that is wanted.

    Example:
        >>> import numpy as np
        >>> fit_channels(np.ones((3, 3, 3, 8)), (3, 3, 1, 8)).max().item()
        3.0
    """
    axis = len(shape) - 2 if weights.ndim == 4 else 0
    if weights.ndim != len(shape) or weights.ndim not in (1, 4) or weights.shape[axis] != COLOURS:
        return None
    if weights.ndim == 4 and (weights.shape[:2] != shape[:2] or weights.shape[3] != shape[3] or shape[3] == 1):
        return None
    channels = shape[axis]
    if channels == 1:
        return weights.sum(axis, keepdims=True) if weights.ndim == 4 else weights.mean(axis, keepdims=True)
    repeated = np.take(weights, np.arange(channels) % COLOURS, axis)
    return (repeated * (COLOURS / channels)).astype(weights.dtype) if weights.ndim == 4 else repeated
