"""MnasNet: bottlenecks searched for accuracy and latency on a phone (Tan et al., CVPR 2019, arXiv 1807.11626)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.inverted_bottleneck import Bottlenecks, inverted_bottleneck
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import divisible
from sepzoo.records.arguments import OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.preprocessing import IMAGENET
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Table:
    """One of the searched networks: its stem, and its rows with the stride of each."""

    stem: int
    strides: tuple[int, ...]
    rows: tuple[Bottlenecks, ...]


A1 = Table(
    stem=32,
    strides=(1, 2, 2, 2, 1, 2, 1),
    rows=(
        Bottlenecks(3, 1, 16, units=1, skip=False),
        Bottlenecks(3, 6, 24, units=2),
        Bottlenecks(5, 3, 40, units=3, squeeze=True),
        Bottlenecks(3, 6, 80, units=4),
        Bottlenecks(3, 6, 112, units=2, squeeze=True),
        Bottlenecks(5, 6, 160, units=3, squeeze=True),
        Bottlenecks(3, 6, 320, units=1),
    ),
)
B1 = Table(
    stem=32,
    strides=(1, 2, 2, 2, 1, 2, 1),
    rows=(
        Bottlenecks(3, 1, 16, units=1, skip=False),
        Bottlenecks(3, 3, 24, units=3),
        Bottlenecks(5, 3, 40, units=3),
        Bottlenecks(5, 6, 80, units=3),
        Bottlenecks(3, 6, 96, units=2),
        Bottlenecks(5, 6, 192, units=4),
        Bottlenecks(3, 6, 320, units=1, skip=False),
    ),
)
SMALL = Table(
    stem=8,
    strides=(1, 2, 2, 2, 1, 2, 1),
    rows=(
        Bottlenecks(3, 1, 8, units=1),
        Bottlenecks(3, 3, 16, units=1),
        Bottlenecks(3, 6, 16, units=2),
        Bottlenecks(5, 6, 32, units=4, squeeze=True),
        Bottlenecks(3, 6, 32, units=3, squeeze=True),
        Bottlenecks(5, 6, 88, units=3, squeeze=True),
        Bottlenecks(3, 6, 144, units=1),
    ),
)
TABLES = {"a1": A1, "b1": B1, "small": SMALL}
FINAL = 1280
SQUEEZE = 4  # the squeezed channels are this part of a bottleneck's input


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        table: the network that was searched.
        alpha: width, of all but the last convolution; channel numbers are rounded to multiples of 8.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last bottleneck, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    table: Literal["a1", "b1", "small"] = "a1"
    alpha: Width = 1.0
    output_stride: OutputStride = None
    drop_path: Rate = 0.0
    dropout: Rate = 0.2


def mnasnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; the kind "bsconv_s" is the orthonormal penalty on the projections."""
    table = TABLES[arguments.table]

    def width(channels: int) -> int:
        return divisible(channels * arguments.alpha)

    x = net.conv_bn(x, width(table.stem), 3, strides=2, activation="relu", name="stem")
    rates = iter(drop_rates(arguments.drop_path, sum(row.units for row in table.rows)))
    scales = resolutions(2, table.strides, arguments.output_stride)
    for s, (row, scale) in enumerate(zip(table.rows, scales, strict=True), start=1):
        for u in range(1, row.units + 1):
            inputs = x.shape[-1]
            x = inverted_bottleneck(
                net,
                x,
                width(row.channels),
                row.kernel_size,
                middle=row.middle(inputs),
                window=scale.window(u),
                activation="relu",
                squeezed=inputs // SQUEEZE if row.squeeze else None,
                gate="sigmoid",
                drop_path=next(rates),
                skip=row.skip,
                name=f"stage{s}_unit{u}",
            )
    return net.conv_bn(x, FINAL, 1, activation="relu", name="final")


FAMILY = Family(
    name="mnasnet",
    paper=Paper(
        title="MnasNet: Platform-Aware Neural Architecture Search for Mobile",
        authors="Tan et al.",
        venue="CVPR 2019",
        arxiv="1807.11626",
    ),
    arguments=Arguments,
    body=mnasnet,
    slots={"bsconv_s": {}},
    replaces="none of the convolutions: bsconv_s is the orthonormal penalty on the linear projections",
    listed=tuple(
        ModelSpec(f"mnasnet_{name}", arguments={"table": name, "initializers": "fan_out"}, preprocessing=IMAGENET)
        for name in TABLES
    ),
    note="The tables are those of the authors' program. No weights of Google's are in a format without pickle; timm's "
    "(semnasnet is A1, mnasnet B1) load, built with padding='symmetric' and batch_norm_epsilon=1e-5.",
)
