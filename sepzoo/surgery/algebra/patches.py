"""What a convolution sees: the patches of its input that its window covers, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np


def windows_on(images: np.ndarray, layer: Any) -> np.ndarray:
    """Return a view on the patches that a `Conv2D` multiplies with its kernel.

    Args:
        images: (n, height, width, channels), the layer's input.
        layer: its kernel_size, strides, padding ("same" or "valid") and dilation_rate are read.

    Returns:
        (n, output height, output width, kernel height, kernel width, channels); only padding is copied.

    Example:
        >>> import keras
        >>> images = np.arange(16.0).reshape(1, 4, 4, 1)
        >>> view = windows_on(images, keras.layers.Conv2D(1, 3, strides=2, padding="same"))
        >>> view.shape, float(view[0, 0, 0].sum()), float(view[0, 1, 1].sum())
        ((1, 2, 2, 3, 3, 1), 45.0, 50.0)
    """
    reach = [rate * (size - 1) + 1 for size, rate in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    if layer.padding == "same":
        images = np.pad(images, [(0, 0), *_same(images.shape[1:3], reach, layer.strides), (0, 0)])
    view = np.lib.stride_tricks.sliding_window_view(images, reach, axis=(1, 2))
    (down, right), (tall, wide) = layer.strides, layer.dilation_rate
    return np.moveaxis(view[:, ::down, ::right, :, ::tall, ::wide], 3, -1)


def _same(sizes: tuple[int, ...], reach: list[int], strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return what "same" adds before and after each axis."""
    totals = [
        max((-(-size // step) - 1) * step + cover - size, 0)
        for size, cover, step in zip(sizes, reach, strides, strict=True)
    ]
    return [(total // 2, total - total // 2) for total in totals]
