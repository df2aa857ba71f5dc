"""Squeeze and excitation: each channel is weighted by what all channels together say of the whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

Gate = Literal["sigmoid", "hard_sigmoid"]


def squeeze_excite(
    net: LayerBuilder,
    x: Tensor,
    squeezed: int,
    *,
    name: str,
    activation: str = "relu",
    gate: Gate = "hard_sigmoid",
) -> Tensor:
    """Multiply each channel by a gate of 0 … 1: average pool, 1 x 1 to `squeezed`, activation, 1 x 1 back, gate.

    Hu et al., CVPR 2018, arXiv 1709.01507, there with a sigmoid; the hard sigmoid is MobileNetV3's. The layers are
    `{name}_pool`, `{name}_reduce`, `{name}_reduce_{activation}`, `{name}_expand`, `{name}_expand_{gate}` and
    `{name}_multiply`.

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
    weights = net.global_average_pool(x, keepdims=True, name=f"{name}_pool")
    weights = net.conv(weights, squeezed, 1, use_bias=True, name=f"{name}_reduce")
    weights = net.activation(weights, activation, name=f"{name}_reduce")
    weights = net.conv(weights, channels, 1, use_bias=True, name=f"{name}_expand")
    weights = net.activation(weights, gate, name=f"{name}_expand")
    return net.multiply(x, weights, name=name)
