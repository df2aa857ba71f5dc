"""Depthwise convolution as a sum of shifted products, with its gradients written out.

XLA fuses the sum into one loop over memory; its own depthwise convolution takes 20 to 60 times as long on a processor.

Example:
    >>> import numpy as np
    >>> images = np.random.default_rng(0).normal(size=(1, 5, 5, 2)).astype("float32")
    >>> kernel = np.random.default_rng(1).normal(size=(3, 3, 2, 1)).astype("float32")
    >>> ours = shifted_depthwise_conv(images, kernel, padding="same")
    >>> bool(np.allclose(ours, keras.ops.depthwise_conv(images, kernel, padding="same"), atol=1e-5))
    True
"""

from __future__ import annotations

import itertools
import math

import keras
from keras import ops

from sepzoo.layers.window_axis import WindowAxis, window_axes
from sepzoo.support.types import Tensor

_HALVES = ("float16", "bfloat16")
_NEAR = 2**17
"""Numbers of a sample up to which TensorFlow's XLA sums faster over the samples than over lines."""


def shifted_depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    *,
    strides: tuple[int, int] = (1, 1),
    padding: str = "valid",
    dilation_rate: tuple[int, int] = (1, 1),
    own_gradient: bool = True,
) -> Tensor:
    """Return what `keras.ops.depthwise_conv` returns for images in channels last, to rounding.

    Numbers of 16 bits are summed in 32.

    Args:
        inputs: (batch, height, width, channels); height and width are known.
        kernel: (window height, window width, channels, multiplier).
        strides: of height and width.
        padding: "valid" or "same".
        dilation_rate: of height and width.
        own_gradient: whether its gradients are those written out here, which are fast in training, or the backend's:
            what only answers need not hold the former, which TensorFlow saves beside each convolution.
    """
    multiplier = kernel.shape[3]
    if multiplier > 1:
        inputs = ops.repeat(inputs, multiplier, axis=-1)
    kernel = ops.reshape(kernel, (*kernel.shape[:2], kernel.shape[2] * multiplier))
    axes = window_axes(inputs.shape[1:3], kernel.shape[:2], strides, dilation_rate, padding)
    return (_with_gradient if own_gradient else _summed)(inputs, kernel, *axes)


def _summed(x: Tensor, kernel: Tensor, rows: WindowAxis, columns: WindowAxis) -> Tensor:
    """Return the sum in the numbers of the input, halves by way of 32 bits."""
    wide = _wide(x)
    return ops.cast(_forward(ops.cast(x, wide), ops.cast(kernel, wide), rows, columns), x.dtype)


def _wide(x: Tensor) -> str:
    dtype = keras.backend.standardize_dtype(x.dtype)
    return "float32" if dtype in _HALVES else dtype


def _with_gradient(inputs: Tensor, kernel: Tensor, rows: WindowAxis, columns: WindowAxis) -> Tensor:
    dtype, summed = inputs.dtype, _wide(inputs)

    @ops.custom_gradient
    def convolve(x: Tensor, k: Tensor) -> Tensor:
        def gradient(*arguments: Tensor, upstream: Tensor = None) -> tuple[Tensor, Tensor]:
            given = arguments[0] if upstream is None else upstream
            wide = ops.cast(given, summed)
            found = _input_gradient(wide, ops.cast(k, summed), rows, columns)
            return ops.cast(found, dtype), ops.cast(_kernel_gradient(ops.cast(x, summed), wide, rows, columns), k.dtype)

        return _summed(x, k, rows, columns), gradient

    return convolve(inputs, kernel)


def _padded(x: Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    return ops.pad(x, ((0, 0), rows, columns, (0, 0))) if any((*rows, *columns)) else x


def _forward(x: Tensor, kernel: Tensor, rows: WindowAxis, columns: WindowAxis) -> Tensor:
    x = _padded(x, (rows.before, rows.after), (columns.before, columns.after))
    return sum(
        x[:, rows.seen_by(row), columns.seen_by(column)] * kernel[row, column]
        for row, column in itertools.product(range(rows.taps), range(columns.taps))
    )


def _kernel_gradient(x: Tensor, upstream: Tensor, rows: WindowAxis, columns: WindowAxis) -> Tensor:
    x = _padded(x, (rows.before, rows.after), (columns.before, columns.after))
    # Over one axis first: over all at once, XLA's code for processors goes through memory channel by channel.
    near = keras.backend.backend() == "tensorflow" and math.prod(upstream.shape[1:]) <= _NEAR
    found = [
        ops.sum(x[:, rows.seen_by(row), columns.seen_by(column)] * upstream, axis=0 if near else 2)
        for row, column in itertools.product(range(rows.taps), range(columns.taps))
    ]
    return ops.reshape(ops.sum(ops.stack(found), axis=(1, 2)), (rows.taps, columns.taps, -1))


def _input_gradient(upstream: Tensor, kernel: Tensor, rows: WindowAxis, columns: WindowAxis) -> Tensor:
    """Return the gradient of the input: for each residue of its places by the stride a sum of shifted products."""
    around = [(axis.reach, max(axis.rows - axis.outputs, 0)) for axis in (rows, columns)]
    wide = _padded(upstream, *around)
    lines = []
    for row_taps in rows.phases():
        cells = []
        for column_taps in columns.phases():
            products = [
                wide[:, _back(rows, back), _back(columns, aside)] * kernel[row, column]
                for (row, back), (column, aside) in itertools.product(row_taps, column_taps)
            ]
            cells.append(sum(products) if products else ops.zeros_like(wide[:, _back(rows, 0), _back(columns, 0)]))
        lines.append(_interleaved(cells, axis=2))
    whole = _interleaved(lines, axis=1)
    return whole[:, rows.before : rows.before + rows.size, columns.before : columns.before + columns.size]


def _back(axis: WindowAxis, steps: int) -> slice:
    """Return where in the padded gradient the outputs lie that are so many steps before each place."""
    return slice(axis.reach - steps, axis.reach - steps + axis.rows)


def _interleaved(parts: list[Tensor], axis: int) -> Tensor:
    """Return tensors as one, whose places along an axis come from each in turn."""
    if len(parts) == 1:
        return parts[0]
    shape = list(parts[0].shape)
    shape[0], shape[axis] = -1, shape[axis] * len(parts)
    return ops.reshape(ops.stack(parts, axis=axis + 1), shape)
