"""MobileNetV3: searched bottlenecks with squeeze and excitation (Howard et al., ICCV 2019, arXiv 1905.02244)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sepzoo.applications.mobilenet_v2 import bsconv_bottleneck, timm_bottleneck
from sepzoo.layers.builder import Blocks
from sepzoo.layers.drop_path import drop_rates
from sepzoo.layers.heads import Hidden, conv_head, dense_head
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.squeeze_excite import squeeze_excite
from sepzoo.layers.width import divisible, truncated
from sepzoo.support.errors import unknown


@dataclasses.dataclass(frozen=True)
class Row:
    """Rows of the paper's table: bottlenecks of the same width, each with its channels in the middle."""

    channels: int
    mids: tuple[int, ...]
    squeeze: bool = False


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: its rows, their window and activation; the first bottleneck is strided."""

    strides: int
    kernel_size: int
    activation: str
    rows: tuple[Row, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """One of the paper's tables, with the width of the layer between pooling and classifier."""

    hidden: int
    stages: tuple[Stage, ...]


STEM = 16
FINAL = 6  # the last convolution is so many times as wide as the last bottleneck
LARGE = Table(
    hidden=1280,
    stages=(
        Stage(1, 3, "relu", (Row(16, (16,)),)),
        Stage(2, 3, "relu", (Row(24, (64, 72)),)),
        Stage(2, 5, "relu", (Row(40, (72, 120, 120), squeeze=True),)),
        Stage(2, 3, "hard_swish", (Row(80, (240, 200, 184, 184)), Row(112, (480, 672), squeeze=True))),
        Stage(2, 5, "hard_swish", (Row(160, (672, 960, 960), squeeze=True),)),
    ),
)
SMALL = Table(
    hidden=1024,
    stages=(
        Stage(2, 3, "relu", (Row(16, (16,), squeeze=True),)),
        Stage(2, 3, "relu", (Row(24, (72, 88)),)),
        Stage(2, 5, "hard_swish", (Row(40, (96, 240, 240), squeeze=True), Row(48, (120, 144), squeeze=True))),
        Stage(2, 5, "hard_swish", (Row(96, (288, 576, 576), squeeze=True),)),
    ),
)
TABLES = {"large": LARGE, "small": SMALL}


def mobilenet_v3(
    net: Blocks,
    x: Any,
    *,
    size: str = "large",
    alpha: float = 1.0,
    minimalistic: bool = False,
    divisor: int | None = 8,
    first_expansion: bool = False,
    final_squeeze: bool = False,
    stem_strides: int = 2,
    strides: Sequence[int] | None = None,
    output_stride: int | None = None,
    drop_path: float = 0.0,
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in; the kind "bsconv_s" is the orthonormal penalty on the projections.
        x: images.
        size: "large" or "small".
        alpha: width.
        minimalistic: windows of 3 x 3 and ReLU everywhere, no squeezing (Keras).
        divisor: channel numbers are rounded to its multiples, but for the stem (Keras); or truncated with None, and the
            last convolution is not thinned by a width under 1 (the BSConv authors).
        first_expansion: whether the first bottleneck keeps its 1 x 1 expansion of ratio 1 (the BSConv authors).
        final_squeeze: whether the last convolution's channels are squeezed and excited (the BSConv authors' small net).
        stem_strides: of the first convolution.
        strides: of each stage's first bottleneck; None for the table's.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last bottleneck, growing from 0 at the first.
    """
    stages = _table(size).stages

    def width(channels: float) -> int:
        return truncated(int(channels), alpha) if divisor is None else divisible(channels * alpha, divisor)

    def share(channels: float) -> int:
        return int(channels) if divisor is None else divisible(channels, divisor)

    closing = "relu" if minimalistic else "hard_swish"
    x = net.conv_bn(x, STEM if divisor else width(STEM), 3, strides=stem_strides, activation=closing, name="stem")
    scales = resolutions(stem_strides, strides or [stage.strides for stage in stages], output_stride)
    units = [[(row, mid) for row in stage.rows for mid in row.mids] for stage in stages]
    rates = iter(drop_rates(drop_path, sum(map(len, units))))
    inputs = STEM
    for s, (stage, scale) in enumerate(zip(stages, scales, strict=True), start=1):
        for u, (row, mid) in enumerate(units[s - 1], start=1):
            place, shortcut, window, rate = f"stage{s}_unit{u}", x, scale.window(u), next(rates)
            activation = "relu" if minimalistic else stage.activation
            if mid > inputs or first_expansion:
                expanded = share(x.shape[-1] * (mid / inputs)) if divisor else width(mid)
                x = net.conv_bn(x, expanded, 1, activation=activation, name=f"{place}_expand")
            kernel_size = 3 if minimalistic else stage.kernel_size
            x = net.depthwise_bn(x, kernel_size, **window, activation=activation, name=f"{place}_depthwise")
            if row.squeeze and not minimalistic:
                x = squeeze_excite(net, x, share(x.shape[-1] / 4), name=f"{place}_squeeze")
            channels, penalty = width(row.channels), net.orthonormal()
            x = net.conv_bn(x, channels, 1, activation=None, regularizer=penalty, name=f"{place}_project")
            if window["strides"] == 1 and shortcut.shape[-1] == channels:
                x = net.add(shortcut, net.drop_path(x, rate, name=place), name=place)
            inputs = row.channels
    final = share(FINAL * x.shape[-1]) if divisor else truncated(FINAL * inputs, max(alpha, 1.0))
    x = net.conv_bn(x, final, 1, activation=closing, name="final")
    return squeeze_excite(net, x, share(final / 4), name="final_squeeze") if final_squeeze else x


def head(
    net: Blocks,
    x: Any,
    *,
    classes: int,
    activation: Any,
    size: str = "large",
    alpha: float = 1.0,
    minimalistic: bool = False,
    full_head: bool = True,
    dropout: float = 0.2,
    classifier: str = "conv",
) -> Any:
    """Return the class scores: with the paper's hidden layer, or without (`full_head=False`, the BSConv authors).

    By 1 x 1 convolutions ("conv", Keras, the hidden one widened by a width over 1) or dense layers ("dense", the BSConv
    authors, the hidden one without bias).
    """
    channels, in_keras = _table(size).hidden, classifier == "conv"
    if in_keras and alpha > 1.0:
        channels = divisible(channels * alpha)
    hidden = Hidden(channels, "relu" if minimalistic else "hard_swish", use_bias=in_keras) if full_head else None
    form = conv_head if in_keras else dense_head
    return form(net, x, hidden, classes=classes, activation=activation, dropout=dropout)


def _table(size: str) -> Table:
    if size not in TABLES:
        raise unknown("size of mobilenet_v3:", size, TABLES)
    return TABLES[size]


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.MobileNetV3Large` and `Small`."""
    names = {"stem": "conv", "stem_bn": "conv_bn", "final": "conv_1", "final_bn": "conv_1_bn"}
    for block, place in enumerate(places):
        prefix = f"expanded_conv_{block}" if block else "expanded_conv"
        for part in ("expand", "depthwise", "project"):
            names |= {f"{place}_{part}": f"{prefix}_{part}", f"{place}_{part}_bn": f"{prefix}_{part}_bn"}
        for part, conv in (("reduce", "conv"), ("expand", "conv_1")):
            names[f"{place}_squeeze_{part}"] = f"{prefix}_squeeze_excite_{conv}"
    return {**names, "hidden": "conv_2", "logits": "logits"}


def bsconv_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of the `bsconv` package's MobileNetV3."""
    names = {"input_bn": "backbone.data_bn", "hidden": "backbone.final_conv2.conv", "predictions": "classifier.conv"}
    names |= {"final_squeeze_reduce": "backbone.final_se.conv1", "final_squeeze_expand": "backbone.final_se.conv2"}
    for ours, theirs in (("stem", "backbone.init_conv"), ("final", "backbone.final_conv1")):
        names |= {ours: f"{theirs}.conv", f"{ours}_bn": f"{theirs}.bn"}
    for place in places:
        names |= bsconv_bottleneck(place)
    return names


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `mobilenetv3_large_100` and its kin."""
    rows = [row for stage in (LARGE if len(places) == 15 else SMALL).stages for row in stage.rows]
    blocks = [f"blocks.{r}.{u}" for r, row in enumerate(rows) for u, _ in enumerate(row.mids)]
    names = {"stem": "conv_stem", "stem_bn": "bn1", "hidden": "conv_head", "logits": "classifier"}
    names |= {"final": f"blocks.{len(rows)}.0.conv", "final_bn": f"blocks.{len(rows)}.0.bn1"}
    for place, block in zip(places, blocks, strict=False):
        names |= timm_bottleneck(place, block, expands=block != blocks[0])
    return names
