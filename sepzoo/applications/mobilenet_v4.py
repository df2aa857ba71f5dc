"""MobileNetV4: universal inverted bottlenecks, the convolutional networks (Qin et al., ECCV 2024, arXiv 2404.10518)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import divisible
from sepzoo.records.arguments import OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.preprocessing import IMAGENET, MINUS_ONE_TO_ONE
from sepzoo.support.types import Activation, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Conv:
    """A dense k x k convolution."""

    kernel_size: int
    channels: int


@dataclasses.dataclass(frozen=True)
class Fused:
    """A dense k x k convolution to the width in the middle, then a linear 1 x 1."""

    kernel_size: int
    expansion: int
    channels: int


@dataclasses.dataclass(frozen=True)
class Universal:
    """A bottleneck with a depthwise convolution at its start and one in its middle; a window of 0 leaves it out."""

    start: int
    middle: int
    expansion: int
    channels: int
    units: int = 1


Block = Conv | Fused | Universal


@dataclasses.dataclass(frozen=True)
class Table:
    """One of the networks: its stem, and its stages of one resolution each; the first block is strided."""

    stem: int
    stages: tuple[tuple[Block, ...], ...]


SMALL = Table(
    stem=32,
    stages=(
        (Conv(3, 32), Conv(1, 32)),
        (Conv(3, 96), Conv(1, 64)),
        (Universal(5, 5, 3, 96), Universal(0, 3, 2, 96, units=4), Universal(3, 0, 4, 96)),
        (
            Universal(3, 3, 6, 128),
            Universal(5, 5, 4, 128),
            Universal(0, 5, 4, 128),
            Universal(0, 5, 3, 128),
            Universal(0, 3, 4, 128, units=2),
        ),
    ),
)
MEDIUM = Table(
    stem=32,
    stages=(
        (Fused(3, 4, 48),),
        (Universal(3, 5, 4, 80), Universal(3, 3, 2, 80)),
        (
            Universal(3, 5, 6, 160),
            Universal(3, 3, 4, 160, units=2),
            Universal(3, 5, 4, 160),
            Universal(3, 3, 4, 160),
            Universal(3, 0, 4, 160),
            Universal(0, 0, 2, 160),
            Universal(3, 0, 4, 160),
        ),
        (
            Universal(5, 5, 6, 256),
            Universal(5, 5, 4, 256),
            Universal(3, 5, 4, 256, units=2),
            Universal(0, 0, 4, 256),
            Universal(3, 0, 4, 256),
            Universal(3, 5, 2, 256),
            Universal(5, 5, 4, 256),
            Universal(0, 0, 4, 256, units=2),
            Universal(5, 0, 2, 256),
        ),
    ),
)
LARGE = Table(
    stem=24,
    stages=(
        (Fused(3, 4, 48),),
        (Universal(3, 5, 4, 96), Universal(3, 3, 4, 96)),
        (
            Universal(3, 5, 4, 192),
            Universal(3, 3, 4, 192, units=3),
            Universal(3, 5, 4, 192),
            Universal(5, 3, 4, 192, units=5),
            Universal(3, 0, 4, 192),
        ),
        (
            Universal(5, 5, 4, 512, units=4),
            Universal(5, 0, 4, 512),
            Universal(5, 3, 4, 512),
            Universal(5, 0, 4, 512, units=2),
            Universal(5, 3, 4, 512),
            Universal(5, 5, 4, 512),
            Universal(5, 0, 4, 512, units=3),
        ),
    ),
)
TABLES = {"small": SMALL, "medium": MEDIUM, "large": LARGE}
FINAL, HIDDEN = 960, 1280


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        size: the paper's table.
        alpha: width, of all but the hidden layer; under 1 not of the stem. Numbers are rounded to multiples of 8.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last bottleneck, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    size: Literal["small", "medium", "large"] = "small"
    alpha: Width = 1.0
    output_stride: OutputStride = None
    drop_path: Rate = 0.0
    dropout: Rate = 0.2


def mobilenet_v4(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each dense k x k convolution behind the stem."""
    table, alpha = TABLES[arguments.size], arguments.alpha

    def width(channels: int) -> int:
        return divisible(channels * alpha)

    x = net.conv_bn(x, table.stem if alpha < 1 else width(table.stem), 3, strides=2, activation="relu", name="stem")
    stages = [[block for row in rows for block in [row] * getattr(row, "units", 1)] for rows in table.stages]
    rates = iter(drop_rates(arguments.drop_path, sum(map(len, stages))))
    scales = resolutions(2, (2,) * len(stages), arguments.output_stride)
    for s, (blocks, scale) in enumerate(zip(stages, scales, strict=True), start=1):
        for u, block in enumerate(blocks, start=1):
            name, window, rate, channels = f"stage{s}_unit{u}", scale.window(u), next(rates), width(block.channels)
            if isinstance(block, Conv):
                form = net.slot_bn if block.kernel_size > 1 else net.conv_bn
                x = form(x, channels, block.kernel_size, **window, activation="relu", name=f"{name}_conv")
            elif isinstance(block, Fused):
                middle = divisible(x.shape[-1] * block.expansion)
                x = net.slot_bn(x, middle, block.kernel_size, **window, activation="relu", name=f"{name}_fused")
                x = net.conv_bn(x, channels, 1, activation=None, name=f"{name}_fused_project")
            else:
                x = _universal(net, x, block, channels, window=window, drop_path=rate, name=name)
    return net.conv_bn(x, width(FINAL), 1, activation="relu", name="final")


def _universal(
    net: LayerBuilder,
    inputs: Tensor,
    block: Universal,
    channels: int,
    *,
    window: dict[str, int],
    drop_path: float,
    name: str,
) -> Tensor:
    x, dilation = inputs, window["dilation_rate"]
    if block.start:  # never strided: every strided bottleneck has a convolution in its middle
        x = net.depthwise_bn(x, block.start, dilation_rate=dilation, activation=None, name=f"{name}_start")
    x = net.conv_bn(x, divisible(inputs.shape[-1] * block.expansion), 1, activation="relu", name=f"{name}_expand")
    if block.middle:
        x = net.depthwise_bn(x, block.middle, **window, activation="relu", name=f"{name}_depthwise")
    x = net.conv_bn(x, channels, 1, activation=None, regularizer=net.orthonormal(), name=f"{name}_project")
    if window["strides"] == 1 and inputs.shape[-1] == channels:
        return net.add(inputs, net.drop_path(x, drop_path, name=name), name=name)
    return x


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores: pooling, a hidden layer with batch normalization, dropout, one dense layer."""
    x = net.conv_bn(net.global_average_pool(x, keepdims=True), HIDDEN, 1, activation="relu", name="hidden")
    x = net.dropout(net.reshape(x, (HIDDEN,), name="flatten"), arguments.dropout)
    return net.classifier(x, classes, activation=activation)


FAMILY = Family(
    name="mobilenet_v4",
    paper=Paper(
        title="MobileNetV4: Universal Models for the Mobile Ecosystem",
        authors="Qin et al.",
        venue="ECCV 2024",
        arxiv="2404.10518",
    ),
    arguments=Arguments,
    body=mobilenet_v4,
    head=head,
    slots={kind: {} for kind in PRESETS},
    replaces="each dense k x k convolution behind the stem",
    listed=(
        ModelSpec("mobilenet_v4_small", arguments={"size": "small"}, preprocessing=IMAGENET),
        ModelSpec("mobilenet_v4_small_w050", arguments={"size": "small", "alpha": 0.5}, preprocessing=MINUS_ONE_TO_ONE),
        ModelSpec(
            "mobilenet_v4_small_w035", arguments={"size": "small", "alpha": 0.35}, preprocessing=MINUS_ONE_TO_ONE
        ),
        ModelSpec(
            "mobilenet_v4_medium", arguments={"size": "medium"}, input_shape=(256, 256, 3), preprocessing=IMAGENET
        ),
        ModelSpec("mobilenet_v4_large", arguments={"size": "large"}, input_shape=(384, 384, 3), preprocessing=IMAGENET),
    ),
    note="The authors published no weights; timm's load, built with padding='symmetric' and batch_norm_epsilon=1e-5. "
    "timm trains the half and the .35 width on pixels of -1 … 1, the others on ImageNet's mean and deviation.",
)
