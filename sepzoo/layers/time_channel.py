"""The block of time-channel separable convolutions that QuartzNet and MatchboxNet are made of."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sepzoo.layers.factorization import separable
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class TimeChannelBlock:
    """One row of the papers' tables: convolutions over time, each with batch normalization and ReLU.

    Attributes:
        channels: of each.
        kernel_size: of each, over time.
        units: how many there are.
        strides: of the first.
        dilation_rate: of each.
        residual: whether a 1 x 1 convolution of the block's input is added in front of the last ReLU.
    """

    channels: int
    kernel_size: int
    units: int = 1
    strides: int = 1
    dilation_rate: int = 1
    residual: bool = False


def time_channel_block(net: LayerBuilder, x: Tensor, block: TimeChannelBlock, *, place: str, dropout: float) -> Tensor:
    """Return the block's output; a slot is each convolution, whose own kind is "separable".

    Args:
        net: builds the layers.
        x: (batch, steps, channels).
        block: the row of the table.
        place: that the layers' names begin with.
        dropout: rate behind each ReLU.
    """
    kind, inputs = net.factorization or separable(), x
    for u in range(1, block.units + 1):
        if u > 1:
            x = net.activation(x, "relu", name=f"{place}_unit{u - 1}")
            x = net.dropout(x, dropout, name=f"{place}_unit{u - 1}_dropout")
        x = net.factorized_bn(
            x,
            kind,
            block.channels,
            block.kernel_size,
            strides=block.strides if u == 1 else 1,
            dilation_rate=block.dilation_rate,
            activation=None,
            name=f"{place}_unit{u}_conv",
        )
    if block.residual:
        shortcut = net.conv_bn(
            inputs, block.channels, 1, strides=block.strides, activation=None, name=f"{place}_projection"
        )
        x = net.add(shortcut, x, name=place)
    return net.dropout(net.activation(x, "relu", name=place), dropout, name=f"{place}_dropout")
