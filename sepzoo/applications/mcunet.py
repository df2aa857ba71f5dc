"""MCUNet: bottlenecks searched for the memory of microcontrollers (Lin et al., NeurIPS 2020, arXiv 2007.10319)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.inverted_bottleneck import Bottlenecks, inverted_bottleneck
from sepzoo.layers.resolution import resolutions
from sepzoo.records.arguments import OutputStride, Rate
from sepzoo.records.conventions import TIMM
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Stage:
    """Bottlenecks of one resolution; the first is strided."""

    strides: int
    units: tuple[Bottlenecks, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """One of the searched networks, and the images that it was searched for."""

    pixels: int
    stem: int
    stages: tuple[Stage, ...]


def _stage(strides: int, *units: tuple[int, int, int]) -> Stage:
    """Return a stage of bottlenecks, each as the authors write it: expansion, channels, window."""
    return Stage(strides, tuple(Bottlenecks(kernel, expansion, channels) for expansion, channels, kernel in units))


IN0 = Table(
    pixels=48,
    stem=24,
    stages=(
        _stage(1, (1, 16, 3)),
        _stage(2, (4, 16, 5), (3, 16, 3), (4, 16, 3)),
        _stage(2, (5, 24, 7), (4, 24, 5), (5, 24, 5)),
        _stage(2, (5, 48, 7), (4, 48, 5), (5, 56, 3), (4, 56, 5), (5, 56, 3)),
        _stage(2, (6, 112, 3), (4, 112, 5), (6, 192, 3)),
    ),
)
IN1 = Table(
    pixels=96,
    stem=16,
    stages=(
        _stage(1, (1, 8, 3)),
        _stage(2, (4, 16, 3), (3, 16, 3)),
        _stage(2, (3, 24, 7), (5, 24, 3)),
        _stage(2, (5, 40, 3), (4, 40, 7), (4, 48, 5), (3, 48, 3), (4, 48, 3)),
        _stage(2, (5, 96, 7), (4, 96, 5), (4, 96, 5), (6, 160, 3)),
    ),
)
IN2 = Table(
    pixels=160,
    stem=16,
    stages=(
        _stage(1, (1, 8, 3)),
        _stage(2, (3, 16, 5), (6, 16, 7), (5, 16, 3), (5, 16, 5)),
        _stage(2, (5, 24, 3), (6, 24, 7), (6, 24, 5)),
        _stage(2, (4, 40, 7), (5, 40, 5), (5, 48, 3), (5, 48, 5), (4, 48, 3)),
        _stage(2, (6, 96, 5), (4, 96, 5), (3, 96, 5), (4, 96, 3), (5, 160, 5)),
    ),
)
IN3 = Table(
    pixels=176,
    stem=16,
    stages=(
        _stage(1, (1, 8, 3)),
        _stage(2, (3, 16, 7), (5, 16, 3), (5, 16, 7), (4, 16, 5)),
        _stage(2, (5, 24, 5), (5, 24, 5), (5, 24, 5)),
        _stage(2, (5, 40, 3), (6, 40, 7), (4, 40, 5), (5, 48, 5), (5, 48, 7), (5, 48, 3)),
        _stage(2, (6, 96, 3), (5, 96, 7), (4, 96, 3), (5, 160, 7)),
    ),
)
IN4 = Table(
    pixels=160,
    stem=32,
    stages=(
        _stage(1, (1, 16, 3)),
        _stage(2, (3, 24, 7), (5, 24, 3), (4, 24, 5)),
        _stage(2, (5, 40, 7), (4, 40, 3), (4, 40, 7)),
        _stage(2, (3, 80, 7), (3, 80, 3), (3, 80, 7), (4, 96, 3), (3, 96, 5), (3, 96, 5)),
        _stage(2, (4, 192, 7), (3, 192, 7), (3, 192, 5), (4, 320, 5)),
    ),
)
TABLES = {"in0": IN0, "in1": IN1, "in2": IN2, "in3": IN3, "in4": IN4}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        table: the network that was searched, from the smallest to the largest.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last bottleneck, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    table: Literal["in0", "in1", "in2", "in3", "in4"] = "in3"
    output_stride: OutputStride = None
    drop_path: Rate = 0.0
    dropout: Rate = 0.0


def mcunet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; the kind "bsconv_s" is the orthonormal penalty on the projections."""
    table = TABLES[arguments.table]
    x = net.conv_bn(x, table.stem, 3, strides=2, activation="relu6", name="stem")
    rates = iter(drop_rates(arguments.drop_path, sum(len(stage.units) for stage in table.stages)))
    scales = resolutions(2, [stage.strides for stage in table.stages], arguments.output_stride)
    for s, (stage, scale) in enumerate(zip(table.stages, scales, strict=True), start=1):
        for u, unit in enumerate(stage.units, start=1):
            x = inverted_bottleneck(
                net,
                x,
                unit.channels,
                unit.kernel_size,
                middle=unit.middle(x.shape[-1]),
                window=scale.window(u),
                activation="relu6",
                drop_path=next(rates),
                name=f"stage{s}_unit{u}",
            )
    return x


FAMILY = Family(
    name="mcunet",
    paper=Paper(
        title="MCUNet: Tiny Deep Learning on IoT Devices",
        authors="Lin et al.",
        venue="NeurIPS 2020",
        arxiv="2007.10319",
    ),
    arguments=Arguments,
    body=mcunet,
    slots={"bsconv_s": {}},
    replaces="none of the convolutions: bsconv_s is the orthonormal penalty on the linear projections",
    listed=tuple(
        ModelSpec(
            f"mcunet_{name}",
            arguments={"table": name, **TIMM},
            input_shape=(table.pixels, table.pixels, 3),
        )
        for name, table in TABLES.items()
    ),
    note="The tables are those of the authors' published configurations; parameters and multiply-accumulates equal "
    "their README's. Their weights are pickles, which sepzoo does not read.",
)
