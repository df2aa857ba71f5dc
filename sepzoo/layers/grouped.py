"""Grouped convolution on a processor: one dense convolution for each block of groups.

Example:
    >>> import numpy as np
    >>> layer = GroupedConv2D(32, 3, groups=4, padding="same", name="conv")
    >>> layer(np.zeros((1, 8, 8, 16), "float32")).shape[-1], tuple(layer.kernel.shape), type(layer).__name__
    (32, (3, 3, 4, 32), 'Conv2D')
"""

from __future__ import annotations

import functools

import keras
from keras import ops

from sepzoo.layers.twins import finished, twin_of
from sepzoo.support.types import Layer, Tensor

LEAST_CHANNELS = 16  # inputs of a block; narrower convolutions take as long (benchmarks/grouped.py)


class _Blockwise:
    """Computes a grouped convolution block by block on processors, where TensorFlow and JAX are slow at one as a whole.

    Neighbouring groups that are narrow make one block: its dense kernel has zeros between them. Both classes have a
    `call` of their own, since that of Keras's Conv1D asks no other method.
    """

    def call(self: Layer, inputs: Tensor) -> Tensor:
        """Return the convolution."""
        slow_in_one = keras.backend.backend() in ("tensorflow", "jax") and on_processor()
        if self.groups == 1 or self.data_format != "channels_last" or not slow_in_one:
            return super().call(inputs)  # type: ignore[misc]  # of the class that this is mixed into
        padding = self.padding
        if padding == "causal":
            inputs, padding = ops.pad(inputs, self._compute_causal_padding()), "valid"
        merged = merged_groups(self.groups, self.kernel.shape[-2])
        kernel, blocks = merge_groups(ops.convert_to_tensor(self.kernel), self.groups, merged), self.groups // merged
        convolve = functools.partial(
            ops.conv,
            strides=list(self.strides),
            padding=padding,
            dilation_rate=self.dilation_rate,
            data_format="channels_last",
        )
        pairs = zip(ops.split(inputs, blocks, axis=-1), ops.split(kernel, blocks, axis=-1), strict=True)
        parts = [convolve(x, k) for x, k in pairs]
        return finished(self, parts[0] if blocks == 1 else ops.concatenate(parts, axis=-1))


@twin_of(keras.layers.Conv1D)
class GroupedConv1D(_Blockwise, keras.layers.Conv1D):
    """Twin of `keras.layers.Conv1D` that is fast at `groups`."""


@twin_of(keras.layers.Conv2D)
class GroupedConv2D(_Blockwise, keras.layers.Conv2D):
    """Twin of `keras.layers.Conv2D` that is fast at `groups`: the same arguments, one kernel, the same values."""


def merged_groups(groups: int, channels: int) -> int:
    """Return how many groups of so many input channels make one block: the fewest that are wide enough.

    Example:
        >>> merged_groups(groups=8, channels=4), merged_groups(groups=8, channels=64)
        (4, 1)
    """
    divisors = [merged for merged in range(1, groups + 1) if groups % merged == 0]
    return next((merged for merged in divisors if merged * channels >= LEAST_CHANNELS), groups)


def merge_groups(kernel: Tensor, groups: int, merged: int) -> Tensor:
    """Return the kernel of the same convolution in fewer groups: `merged` neighbours are one, with zeros between them.

    Args:
        kernel: (window …, input channels of a group, filters).
        groups: of the convolution.
        merged: how many become one; divides `groups`.
    """
    if merged == 1:
        return kernel
    window, channels, filters = kernel.shape[:-2], kernel.shape[-2], kernel.shape[-1]
    ones = (1,) * len(window)
    belongs = ops.reshape(ops.tile(ops.eye(merged, dtype=kernel.dtype), (1, groups // merged)), (merged, groups))
    wide = ops.reshape(kernel, (*window, 1, channels, groups, filters // groups))
    wide = wide * ops.reshape(belongs, (*ones, merged, 1, groups, 1))
    return ops.reshape(wide, (*window, merged * channels, filters))


def on_processor() -> bool:
    """Return whether there is no other device than processors."""
    return all("cpu" in device.lower() for device in keras.distribution.list_devices())
