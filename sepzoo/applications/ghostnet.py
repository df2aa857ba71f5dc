"""GhostNet: half of the channels are depthwise shadows of the others (Han et al., CVPR 2020, arXiv 1911.11907)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.heads import Hidden, dense_head
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.squeeze_excite import squeeze_excite
from sepzoo.layers.width import divisible
from sepzoo.records.arguments import OutputStride, Rate, Width
from sepzoo.records.conventions import TIMM
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.preprocessing import IMAGENET
from sepzoo.support.types import Activation, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Bottleneck:
    """Two ghost modules, and between them a depthwise convolution where it is strided, and what squeezes."""

    kernel_size: int
    middle: int
    channels: int
    squeeze: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """Bottlenecks, of which the first has the strides."""

    strides: int
    units: tuple[Bottleneck, ...]


STEM = 16
ROWS = (
    Row(1, (Bottleneck(3, 16, 16),)),
    Row(2, (Bottleneck(3, 48, 24),)),
    Row(1, (Bottleneck(3, 72, 24),)),
    Row(2, (Bottleneck(5, 72, 40, squeeze=True),)),
    Row(1, (Bottleneck(5, 120, 40, squeeze=True),)),
    Row(2, (Bottleneck(3, 240, 80),)),
    Row(
        1,
        (
            Bottleneck(3, 200, 80),
            Bottleneck(3, 184, 80),
            Bottleneck(3, 184, 80),
            Bottleneck(3, 480, 112, squeeze=True),
            Bottleneck(3, 672, 112, squeeze=True),
        ),
    ),
    Row(2, (Bottleneck(5, 672, 160, squeeze=True),)),
    Row(
        1,
        (
            Bottleneck(5, 960, 160),
            Bottleneck(5, 960, 160, squeeze=True),
            Bottleneck(5, 960, 160),
            Bottleneck(5, 960, 160, squeeze=True),
        ),
    ),
)
FINAL, HIDDEN = 960, 1280
SQUEEZE = 4  # the squeezed channels are this part of those in the middle
SHADOW = 3  # kernel size of a ghost module's depthwise convolution


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        alpha: width, of all but the hidden layer; channel numbers are rounded to multiples of 4.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last bottleneck, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    alpha: Width = 1.0
    output_stride: OutputStride = None
    drop_path: Rate = 0.0
    dropout: Rate = 0.2


def ghostnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; the kind "bsconv_s" is the orthonormal penalty on the linear 1 x 1."""

    def width(channels: int) -> int:
        return divisible(channels * arguments.alpha, 4)

    x = net.conv_bn(x, width(STEM), 3, strides=2, activation="relu", name="stem")
    rates = iter(drop_rates(arguments.drop_path, sum(len(row.units) for row in ROWS)))
    scales = resolutions(2, [row.strides for row in ROWS], arguments.output_stride)
    for s, (row, scale) in enumerate(zip(ROWS, scales, strict=True), start=1):
        for u, unit in enumerate(row.units, start=1):
            unit = dataclasses.replace(unit, middle=width(unit.middle), channels=width(unit.channels))
            steps = row.strides > 1 and u == 1  # in the table, whatever the output stride
            x = _bottleneck(net, x, unit, steps, scale.window(u), drop_path=next(rates), name=f"stage{s}_unit{u}")
    return net.conv_bn(x, width(FINAL), 1, activation="relu", name="final")


def _bottleneck(
    net: LayerBuilder,
    inputs: Tensor,
    unit: Bottleneck,
    steps: bool,
    window: Mapping[str, int],
    *,
    drop_path: float,
    name: str,
) -> Tensor:
    x = _ghost(net, inputs, unit.middle, activation="relu", name=f"{name}_ghost1")
    if steps:
        x = net.depthwise_bn(x, unit.kernel_size, **window, activation=None, name=f"{name}_depthwise")
    if unit.squeeze:
        x = squeeze_excite(net, x, divisible(unit.middle / SQUEEZE, 4), name=f"{name}_squeeze")
    x = _ghost(net, x, unit.channels, activation=None, name=f"{name}_ghost2")
    if steps or inputs.shape[-1] != unit.channels:
        place = f"{name}_shortcut"
        inputs = net.depthwise_bn(inputs, unit.kernel_size, **window, activation=None, name=f"{place}_depthwise")
        inputs = net.conv_bn(inputs, unit.channels, 1, activation=None, name=f"{place}_project")
    return net.add(inputs, net.drop_path(x, drop_path, name=name), name=name)


def _ghost(net: LayerBuilder, x: Tensor, channels: int, *, activation: str | None, name: str) -> Tensor:
    """Return half of the channels by a 1 x 1 convolution, and beside them a depthwise convolution of these."""
    penalty = None if activation else net.orthonormal()
    first = net.conv_bn(x, channels // 2, 1, activation=activation, regularizer=penalty, name=f"{name}_pointwise")
    shadow = net.depthwise_bn(first, SHADOW, activation=activation, name=f"{name}_shadow")
    return net.concat([first, shadow], name=name)


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores: pooling, a hidden layer, dropout, one dense layer."""
    hidden = Hidden(HIDDEN, "relu")
    return dense_head(net, x, hidden, classes=classes, activation=activation, dropout=arguments.dropout)


FAMILY = Family(
    name="ghostnet",
    paper=Paper(
        title="GhostNet: More Features from Cheap Operations",
        authors="Han et al.",
        venue="CVPR 2020",
        arxiv="1911.11907",
    ),
    arguments=Arguments,
    body=ghostnet,
    head=head,
    slots={"bsconv_s": {}},
    replaces="none of the convolutions: bsconv_s is the orthonormal penalty on the linear 1 x 1 convolutions",
    listed=tuple(
        ModelSpec(
            f"ghostnet_w{alpha}",
            arguments={"alpha": int(alpha) / 100, **TIMM},
            preprocessing=dataclasses.replace(IMAGENET, interpolation="bicubic"),
        )
        for alpha in ("050", "100", "130")
    ),
    note="The table is that of timm's program, whose weights load by name.",
)
