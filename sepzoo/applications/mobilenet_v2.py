"""MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al., CVPR 2018, arXiv 1801.04381, table 2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from sepzoo.layers.builder import Blocks
from sepzoo.layers.drop_path import drop_rates
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import divisible, truncated


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the paper's table: `units` bottlenecks of expansion t and c channels."""

    expansion: int
    channels: int
    units: int


STEM = 32
STAGES = (  # a stage is a resolution: one or two rows of the table
    (Row(1, 16, 1),),
    (Row(6, 24, 2),),
    (Row(6, 32, 3),),
    (Row(6, 64, 4), Row(6, 96, 3)),
    (Row(6, 160, 3), Row(6, 320, 1)),
)
FINAL = 1280


def mobilenet_v2(
    net: Blocks,
    x: Any,
    *,
    alpha: float = 1.0,
    divisor: int | None = 8,
    first_expansion: bool = False,
    stem_strides: int = 2,
    strides: Sequence[int] = (1, 2, 2, 2, 2),
    output_stride: int | None = None,
    drop_path: float = 0.0,
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in; the kind "bsconv_s" is the orthonormal penalty on the projections.
        x: images.
        alpha: width; the last convolution is not thinned by a width under 1.
        divisor: channel numbers are rounded to its multiples (Keras), or truncated with None (the BSConv authors).
        first_expansion: whether the first bottleneck keeps its 1 x 1 expansion of ratio 1 (the BSConv authors).
        stem_strides: of the first convolution.
        strides: of each stage's first bottleneck.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last bottleneck, growing from 0 at the first.
    """

    def width(channels: int) -> int:
        return truncated(channels, alpha) if divisor is None else divisible(int(channels * alpha), divisor)

    stem = truncated(STEM, alpha) if divisor is None else divisible(STEM * alpha, divisor)
    x = net.conv_bn(x, stem, 3, strides=stem_strides, activation="relu6", name="stem")
    inputs = STEM
    rates = iter(drop_rates(drop_path, len(_places())))
    for s, (rows, scale) in enumerate(zip(STAGES, resolutions(stem_strides, strides, output_stride), strict=True), 1):
        units = [row for row in rows for _ in range(row.units)]
        for u, row in enumerate(units, start=1):
            expands = row.expansion > 1 or first_expansion
            mid = truncated(inputs * row.expansion, alpha) if divisor is None else x.shape[-1] * row.expansion
            x = _bottleneck(
                net,
                x,
                mid=mid if expands else None,
                channels=width(row.channels),
                window=scale.window(u),
                drop_path=next(rates),
                place=f"stage{s}_unit{u}",
            )
            inputs = row.channels
    final = FINAL
    if alpha > 1.0:
        final = truncated(FINAL, alpha) if divisor is None else divisible(FINAL * alpha, divisor)
    return net.conv_bn(x, final, 1, activation="relu6", name="final")


def _bottleneck(
    net: Blocks,
    inputs: Any,
    *,
    mid: int | None,
    channels: int,
    window: dict[str, int],
    drop_path: float,
    place: str,
) -> Any:
    x = inputs
    if mid is not None:
        x = net.conv_bn(x, mid, 1, activation="relu6", name=f"{place}_expand")
    x = net.depthwise_bn(x, 3, activation="relu6", **window, name=f"{place}_depthwise")
    x = net.conv_bn(x, channels, 1, activation=None, regularizer=net.orthonormal(), name=f"{place}_project")
    if window["strides"] == 1 and inputs.shape[-1] == channels:
        x = net.drop_path(x, drop_path, name=place)
        return keras.layers.Add(name=f"{place}_add")([inputs, x])
    return x


def _places() -> list[str]:
    return [
        f"stage{s}_unit{u}"
        for s, rows in enumerate(STAGES, start=1)
        for u in range(1, sum(row.units for row in rows) + 1)
    ]


def keras_names() -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.MobileNetV2`."""
    names = {"stem": "Conv1", "stem_bn": "bn_Conv1", "final": "Conv_1", "final_bn": "Conv_1_bn"}
    for block, place in enumerate(_places()):
        prefix = f"block_{block}" if block else "expanded_conv"
        for part in ("expand", "depthwise", "project"):
            names[f"{place}_{part}"] = f"{prefix}_{part}"
            names[f"{place}_{part}_bn"] = f"{prefix}_{part}_BN"
    return {**names, "predictions": "predictions"}


def bsconv_names() -> dict[str, str]:
    """Return, for each of our layers with weights, the module of the `bsconv` package's MobileNetV2."""
    names = {
        "input_bn": "backbone.data_bn",
        "stem": "backbone.init_conv.conv",
        "stem_bn": "backbone.init_conv.bn",
        "final": "backbone.final_conv.conv",
        "final_bn": "backbone.final_conv.bn",
        "predictions": "classifier.conv",
    }
    for place in _places():
        names |= bsconv_bottleneck(place)
    return names


def bsconv_bottleneck(place: str) -> dict[str, str]:
    """Return the `bsconv` package's names of one bottleneck's layers, for MobileNetV2 and V3."""
    module = "backbone." + place.replace("_", ".")
    names = {
        f"{place}_squeeze_{part}": f"{module}.se_unit.{conv}"
        for part, conv in (("reduce", "conv1"), ("expand", "conv2"))
    }
    for part, conv in (("expand", "conv1"), ("depthwise", "conv2"), ("project", "conv3")):
        names |= {f"{place}_{part}": f"{module}.{conv}.conv", f"{place}_{part}_bn": f"{module}.{conv}.bn"}
    return names


def timm_names() -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `mobilenetv2_100`."""
    names = {"stem": "conv_stem", "stem_bn": "bn1", "final": "conv_head", "final_bn": "bn2"}
    rows = [row for rows in STAGES for row in rows]
    blocks = [(f"blocks.{r}.{u}", row.expansion > 1) for r, row in enumerate(rows) for u in range(row.units)]
    for place, (block, expands) in zip(_places(), blocks, strict=True):
        names |= timm_bottleneck(place, block, expands=expands)
    return {**names, "predictions": "classifier"}


def timm_bottleneck(place: str, block: str, *, expands: bool) -> dict[str, str]:
    """Return timm's names of one bottleneck's layers, for MobileNetV2 and V3."""
    parts = [("expand", "conv_pw")] if expands else []
    parts += [("depthwise", "conv_dw"), ("project", "conv_pwl" if expands else "conv_pw")]
    names = {f"{place}_{part}": f"{block}.{module}" for part, module in parts}
    names |= {f"{place}_{part}_bn": f"{block}.bn{number}" for number, (part, _) in enumerate(parts, start=1)}
    return names | {f"{place}_squeeze_{part}": f"{block}.se.conv_{part}" for part in ("reduce", "expand")}
