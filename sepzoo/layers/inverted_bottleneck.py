"""The inverted bottleneck: wide in the middle, where each channel is convolved by itself, and narrow at both ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from sepzoo.layers.squeeze_excite import Gate, squeeze_excite
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

_EVERY_POSITION: Mapping[str, int] = MappingProxyType({"strides": 1, "dilation_rate": 1})


@dataclasses.dataclass(frozen=True)
class Bottlenecks:
    """A row of such a network's table: bottlenecks alike, of which the first may be strided and change the width.

    Attributes:
        kernel_size: of the depthwise convolution.
        expansion: width in the middle, as a multiple of the input's.
        channels: of the output.
        units: how many.
        squeeze: whether the middle is squeezed and excited.
        skip: whether inputs are added to outputs of their shape.
    """

    kernel_size: int
    expansion: int
    channels: int
    units: int = 1
    squeeze: bool = False
    skip: bool = True

    def middle(self, inputs: int) -> int | None:
        """Return the width in the middle behind so many channels, or None where nothing is expanded."""
        return inputs * self.expansion if self.expansion > 1 else None


def inverted_bottleneck(
    net: LayerBuilder,
    inputs: Tensor,
    channels: int,
    kernel_size: int,
    *,
    middle: int | None,
    activation: str,
    name: str,
    window: Mapping[str, int] = _EVERY_POSITION,
    squeezed: int | None = None,
    gate: Gate = "hard_sigmoid",
    squeeze_activation: str = "relu",
    drop_path: float = 0.0,
    skip: bool = True,
) -> Tensor:
    """Return 1 x 1 to `middle`, depthwise, squeeze and excitation, linear 1 x 1 to `channels`, and the inputs added.

    Sandler et al., CVPR 2018, arXiv 1801.04381; the squeezing as in MnasNet and MobileNetV3. The layers are
    `{name}_expand`, `{name}_depthwise`, `{name}_squeeze_…`, `{name}_project` and `{name}_add`. The kind "bsconv_s" is
    the orthonormal penalty on the linear 1 x 1.

    Args:
        net: builder of the network.
        inputs: (batch, height, width, input channels).
        channels: of the result.
        kernel_size: of the depthwise convolution.
        middle: channels there; None leaves the first 1 x 1 out.
        activation: behind the first two convolutions.
        name: of the place.
        window: `strides` and `dilation_rate` of the depthwise convolution, as `Resolution.window` gives them.
        squeezed: channels of the squeezing's own middle; None for none of it.
        gate: its last activation.
        squeeze_activation: its first.
        drop_path: rate at which training leaves the branch out.
        skip: whether the inputs are added to a result of their shape.

    Example:
        >>> import keras
        >>> from sepzoo.layers import LayerBuilder
        >>> x = keras.Input((8, 8, 16))
        >>> inverted_bottleneck(LayerBuilder(), x, 24, 3, middle=96, activation="relu6", name="unit1").shape
        (None, 8, 8, 24)
    """
    x = inputs
    if middle is not None:
        x = net.conv_bn(x, middle, 1, activation=activation, name=f"{name}_expand")
    x = net.depthwise_bn(x, kernel_size, **window, activation=activation, name=f"{name}_depthwise")
    if squeezed is not None:
        x = squeeze_excite(net, x, squeezed, activation=squeeze_activation, gate=gate, name=f"{name}_squeeze")
    x = net.conv_bn(x, channels, 1, activation=None, regularizer=net.orthonormal(), name=f"{name}_project")
    if skip and window["strides"] == 1 and inputs.shape[-1] == channels:
        return net.add(inputs, net.drop_path(x, drop_path, name=name), name=name)
    return x
