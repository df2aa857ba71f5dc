"""MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al., CVPR 2018, arXiv 1801.04381, table 2)."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.inverted_bottleneck import inverted_bottleneck
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import divisible, truncated
from sepzoo.records.arguments import Count, OutputStride, Rate, Stride, Width
from sepzoo.records.authors import authors_spec, authors_specs
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.naming import WIDTH, mobilenet_names, width_of
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Bottlenecks:
    """A row of the paper's table: how many bottlenecks of which expansion (t) and width (c)."""

    expansion: int
    channels: int
    units: int


STEM = 32
STAGES = (  # a stage is a resolution: one or two rows of the table
    (Bottlenecks(1, 16, 1),),
    (Bottlenecks(6, 24, 2),),
    (Bottlenecks(6, 32, 3),),
    (Bottlenecks(6, 64, 4), Bottlenecks(6, 96, 3)),
    (Bottlenecks(6, 160, 3), Bottlenecks(6, 320, 1)),
)
FINAL = 1280


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        alpha: width; the last convolution is not thinned by a width under 1.
        divisor: channel numbers are rounded to its multiples (Keras), or truncated with None (the BSConv authors).
        first_expansion: whether the first bottleneck keeps its 1 x 1 expansion of ratio 1 (the BSConv authors).
        stem_strides: of the first convolution.
        strides: of each stage's first bottleneck.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last bottleneck, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    alpha: Width = 1.0
    divisor: Count | None = 8
    first_expansion: bool = False
    stem_strides: Stride = 2
    strides: tuple[Stride, Stride, Stride, Stride, Stride] = (1, 2, 2, 2, 2)
    output_stride: OutputStride = None
    drop_path: Rate = 0.0
    dropout: Rate = 0.0


def mobilenet_v2(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; the kind "bsconv_s" is the orthonormal penalty on the projections."""
    alpha, divisor, stem_strides = arguments.alpha, arguments.divisor, arguments.stem_strides

    def width(channels: int) -> int:
        return truncated(channels, alpha) if divisor is None else divisible(int(channels * alpha), divisor)

    stem = truncated(STEM, alpha) if divisor is None else divisible(STEM * alpha, divisor)
    x = net.conv_bn(x, stem, 3, strides=stem_strides, activation="relu6", name="stem")
    inputs = STEM
    rates = iter(drop_rates(arguments.drop_path, sum(row.units for rows in STAGES for row in rows)))
    scales = resolutions(stem_strides, arguments.strides, arguments.output_stride)
    for s, (rows, scale) in enumerate(zip(STAGES, scales, strict=True), start=1):
        units = [row for row in rows for _ in range(row.units)]
        for u, row in enumerate(units, start=1):
            expands = row.expansion > 1 or arguments.first_expansion
            mid = truncated(inputs * row.expansion, alpha) if divisor is None else x.shape[-1] * row.expansion
            x = inverted_bottleneck(
                net,
                x,
                width(row.channels),
                3,
                middle=mid if expands else None,
                window=scale.window(u),
                activation="relu6",
                drop_path=next(rates),
                name=f"stage{s}_unit{u}",
            )
            inputs = row.channels
    final = FINAL
    if alpha > 1.0:
        final = truncated(FINAL, alpha) if divisor is None else divisible(FINAL * alpha, divisor)
    return net.conv_bn(x, final, 1, activation="relu6", name="final")


_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name."""
    match = re.fullmatch(rf"(?P<cifar>cifar_)?mobilenetv2_{WIDTH}(?P<variant>_bsconvs_p1d6)?", name)
    if match is None:
        return None
    cifar = match["cifar"] is not None
    arguments = {"alpha": width_of(match), "divisor": None, "first_expansion": True}
    small = {"stem_strides": 1, "strides": (1, 1, 2, 2, 2)}
    return authors_spec(
        name,
        {**arguments, **small} if cifar else arguments,
        conv="bsconv_s" if match["variant"] else None,
        cifar=cifar,
    )


def _weights() -> tuple[WeightFile, ...]:
    stem = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
    pairs = [(alpha, size) for alpha in (0.35, 0.5, 0.75, 1.0) for size in (96, 128, 160, 192, 224)]
    return tuple(
        WeightFile({"alpha": alpha}, size, top, f"{_URL}{stem}_{alpha}_{size}{'' if top else '_no_top'}.h5")
        for alpha, size in [*pairs, (1.3, 224), (1.4, 224)]
        for top in (True, False)
    )


FAMILY = Family(
    name="mobilenet_v2",
    paper=Paper(
        title="MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        authors="Sandler et al.",
        venue="CVPR 2018",
        arxiv="1801.04381",
    ),
    arguments=Arguments,
    body=mobilenet_v2,
    slots={"bsconv_s": {}},
    replaces="none of the convolutions: bsconv_s is the orthonormal penalty on the linear projections, as published",
    listed=(
        ModelSpec("mobilenet_v2", arguments={"batch_norm_momentum": 0.999}),
        *authors_specs(_authors_form, mobilenet_names("v2", "bsconvs_p1d6")),
    ),
    parse=_authors_form,
    weights=_weights(),
    weights_licence="Apache-2.0",
)
