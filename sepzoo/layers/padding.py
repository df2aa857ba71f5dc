"""Padding: what goes round the input of a k x k step, as a layer of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import ops

from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Config, Tensor

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
MODES = ("zeros", "reflect", "replicate", "circular")
Pairs = tuple[tuple[int, int], ...]
Padding = str | int | Sequence[int | Sequence[int]]
Resolved = Literal["same", "valid"] | Pairs
"""What a layer takes: a word, a number for all sides, or for each axis a number or (before, after)."""


@keras.saving.register_keras_serializable("sepzoo")
class EdgePadding(keras.layers.Layer):
    """Pad the spatial axes of a channels-last tensor by copies of its own values.

    Args:
        padding: (before, after) for each spatial axis.
        mode: "reflect" (mirror, edge not repeated), "replicate" (edge repeated) or "circular" (wrapped round).

    Example:
        >>> import numpy as np
        >>> padded = EdgePadding(((1, 1),), mode="circular")(np.array([[[1.0], [2.0], [3.0]]]))
        >>> np.ravel(padded).tolist()
        [3.0, 1.0, 2.0, 3.0, 1.0]
    """

    def __init__(self, padding: Sequence[Sequence[int]], mode: PaddingMode, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in MODES[1:]:
            raise unknown("padding mode", mode, MODES)
        self.padding: Pairs = tuple((int(before), int(after)) for before, after in padding)
        self.mode = mode

    def call(self, inputs: Tensor) -> Tensor:
        """Return the padded tensor."""
        x = inputs
        for axis, (before, after) in enumerate(self.padding, start=1):
            size = ops.shape(x)[axis]
            position = ops.arange(-before, size + after, dtype="int32")
            if self.mode == "replicate":
                position = ops.clip(position, 0, size - 1)
            elif self.mode == "circular":
                position = ops.mod(position, size)
            else:
                position = size - 1 - ops.abs(size - 1 - ops.abs(position))
            x = ops.take(x, position, axis=axis)
        return x

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the input's shape with each spatial axis grown by its padding."""
        spatial = [
            None if size is None else size + sum(pair)
            for size, pair in zip(input_shape[1:-1], self.padding, strict=True)
        ]
        return (input_shape[0], *spatial, input_shape[-1])

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {**super().get_config(), "padding": [list(pair) for pair in self.padding], "mode": self.mode}


def resolve(
    padding: Padding,
    *,
    kernel_size: tuple[int, ...],
    strides: tuple[int, ...],
    dilation_rate: tuple[int, ...],
) -> Resolved:
    """Return a padding as Keras's convolutions take it, or as (before, after) pairs where they can't.

    Args:
        padding: "valid", "same" (Keras), "symmetric" ((k-1)/2 on every side, as PyTorch's models pad also when
            strided), a number for all sides, a number for each axis, or pairs.
        kernel_size: of the convolution, a number for each spatial axis, like `strides` and `dilation_rate`.
        strides: steps of the window.
        dilation_rate: spacing of the window's positions.

    Raises:
        SepzooError: another padding, or "symmetric" for an even window.

    Example:
        >>> resolve("symmetric", kernel_size=(3, 3), strides=(2, 2), dilation_rate=(1, 1))
        ((1, 1), (1, 1))
        >>> resolve("symmetric", kernel_size=(3, 3), strides=(1, 1), dilation_rate=(1, 1))
        'same'
    """
    if padding in ("valid", "same"):
        return padding  # type: ignore[return-value]
    rank = len(kernel_size)
    reach = [rate * (k - 1) for k, rate in zip(kernel_size, dilation_rate, strict=True)]
    if padding == "symmetric":
        if any(total % 2 for total in reach):
            raise SepzooError(
                f"expected an odd window for padding='symmetric'. Received: kernel_size={kernel_size}. "
                "Give the padding as (before, after) pairs."
            )
        if math.prod(strides) == 1:
            return "same"
        return tuple((total // 2, total // 2) for total in reach)
    sides = [padding] * rank if isinstance(padding, int) else padding
    if isinstance(sides, Sequence) and not isinstance(sides, str) and len(sides) == rank:
        pairs = [tuple(side) if isinstance(side, Sequence) else (side, side) for side in sides]
        if all(len(pair) == 2 and all(_is_count(number) for number in pair) for pair in pairs):
            return tuple(pairs)  # type: ignore[arg-type]
    raise SepzooError(
        "expected padding 'valid', 'same', 'symmetric', a number, or a number or a (before, after) pair for each axis. "
        f"Received: padding={padding!r}."
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def padding_layer(pairs: Pairs, mode: PaddingMode, **kwargs: Any) -> keras.layers.Layer:
    """Return the layer that pads by `pairs`: Keras's own for zeros, `EdgePadding` otherwise."""
    if mode != "zeros":
        return EdgePadding(pairs, mode, **kwargs)
    if len(pairs) == 1:
        return keras.layers.ZeroPadding1D(pairs[0], **kwargs)
    return keras.layers.ZeroPadding2D(pairs, **kwargs)
