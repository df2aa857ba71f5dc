"""Squeeze and excitation: each channel is weighted by what all channels together say of the whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


def squeeze_excite(net: LayerBuilder, x: Tensor, squeezed: int, *, name: str) -> Tensor:
    """Multiply each channel by a gate of 0 … 1: average pool, 1 x 1 to `squeezed`, ReLU, 1 x 1 back, hard sigmoid.

    Hu et al., CVPR 2018, arXiv 1709.01507, with MobileNetV3's hard sigmoid. The layers are `{name}_pool`,
    `{name}_reduce`, `{name}_reduce_relu`, `{name}_expand`, `{name}_expand_hard_sigmoid` and `{name}_multiply`.

    Raises:
        SepzooError: no channel is left in the middle.

    Example:
        >>> import keras
        >>> from sepzoo.layers import LayerBuilder
        >>> squeeze_excite(LayerBuilder(), keras.Input((8, 8, 16)), 4, name="squeeze").shape
        (None, 8, 8, 16)
    """
    channels = x.shape[-1]
    if squeezed < 1:
        raise SepzooError(
            f"{name}: expected at least one squeezed channel. Received: {squeezed} of {channels}. Take a larger width."
        )
    gate = net.global_average_pool(x, keepdims=True, name=f"{name}_pool")
    gate = net.conv(gate, squeezed, 1, use_bias=True, name=f"{name}_reduce")
    gate = net.activation(gate, "relu", name=f"{name}_reduce")
    gate = net.conv(gate, channels, 1, use_bias=True, name=f"{name}_expand")
    gate = net.activation(gate, "hard_sigmoid", name=f"{name}_expand")
    return net.multiply(x, gate, name=name)
