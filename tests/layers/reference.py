"""Convolution in NumPy, written for being read, not for speed: an independent reference."""

from __future__ import annotations

import numpy as np

PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x, pairs, mode="zeros"):
    return np.pad(x, ((0, 0), *pairs, (0, 0)), mode=PAD_MODES[mode])


def same_pairs(size, kernel, strides, dilation):
    reach = dilation * (kernel - 1) + 1
    total = max((-(-size // strides) - 1) * strides + reach - size, 0)
    return total // 2, total - total // 2


def depthwise(x, kernel, strides=1, dilation=1):
    """Valid depthwise convolution of (n, h, w, c) by (k, k, c, t) -> (n, h', w', c * t)."""
    k = kernel.shape[0]
    reach = dilation * (k - 1) + 1
    height, width = ((size - reach) // strides + 1 for size in x.shape[1:3])
    total = np.zeros((x.shape[0], height, width, *kernel.shape[2:]))
    for i in range(k):
        for j in range(k):
            rows = slice(i * dilation, i * dilation + (height - 1) * strides + 1, strides)
            columns = slice(j * dilation, j * dilation + (width - 1) * strides + 1, strides)
            total += x[:, rows, columns, :, None] * kernel[i, j]
    return total.reshape(*total.shape[:3], -1)


def pointwise(x, kernel):
    """1 x 1 convolution by (1, 1, c, m)."""
    return x @ kernel[0, 0]
