"""Series as pictures of their curves, for reports."""

from __future__ import annotations

import numpy as np

_HEIGHT = 96


def pictures_of_series(series: np.ndarray) -> np.ndarray:
    """Return the curves of series (n, steps, channels), as uint8 (n, 96, steps, 1): white on black, all channels.

    Time runs to the right, values upwards, from the least of each series to its largest.

    Example:
        >>> picture = pictures_of_series(np.array([[[0.0], [1.0]]]))[0, ..., 0]
        >>> picture.shape, int(picture[:, 1].argmax()), int(picture[-1, 0])
        ((96, 2), 0, 255)
    """
    count, steps = series.shape[:2]
    low, high = (getattr(series, name)(axis=(1, 2), keepdims=True) for name in ("min", "max"))
    heights = np.rint((_HEIGHT - 1) * (series - low) / np.maximum(high - low, 1e-12)).astype(int)
    before = np.concatenate([heights[:, :1], heights[:, :-1]], axis=1)
    rows = np.arange(_HEIGHT)[:, None, None]
    pictures = np.zeros((count, _HEIGHT, steps, 1), np.uint8)
    for picture, ends, starts in zip(pictures, heights, before, strict=True):
        inside = (rows >= np.minimum(starts, ends)) & (rows <= np.maximum(starts, ends))
        picture[::-1, :, 0] = 255 * inside.any(axis=2)
    return pictures
