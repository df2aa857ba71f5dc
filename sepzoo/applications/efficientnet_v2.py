"""EfficientNetV2: dense convolutions first, depthwise ones behind (Tan & Le, ICML 2021, arXiv 2104.00298)."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Literal

from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.inverted_bottleneck import inverted_bottleneck
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import nearest
from sepzoo.records.arguments import OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.preprocessing import AS_THEY_ARE, IMAGENET, Preprocessing
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Row:
    """Blocks alike, 3 x 3, of which the first may be strided and change the width.

    Attributes:
        fused: whether a dense convolution expands, in place of a 1 x 1, a depthwise one and what squeezes.
        units: how many.
        channels: of the output.
        expansion: width in the middle, as a multiple of the input's; a fused block of 1 is one convolution alone.
        strides: of the first.
    """

    fused: bool
    units: int
    channels: int
    expansion: int
    strides: int


@dataclasses.dataclass(frozen=True)
class Table:
    """One of the networks: its stem, its rows, and what it normalizes raw pixels by."""

    stem: int
    pixels: Preprocessing
    rows: tuple[Row, ...]


ONE = Preprocessing(mean=(128.0,), std=(128.0,))  # pixels / 128 - 1, which is a little less than 1 at most
TABLES = {
    "b": Table(
        stem=32,
        pixels=IMAGENET,
        rows=(
            Row(True, 1, 16, 1, 1),
            Row(True, 2, 32, 4, 2),
            Row(True, 2, 48, 4, 2),
            Row(False, 3, 96, 4, 2),
            Row(False, 5, 112, 6, 1),
            Row(False, 8, 192, 6, 2),
        ),
    ),
    "s": Table(
        stem=24,
        pixels=ONE,
        rows=(
            Row(True, 2, 24, 1, 1),
            Row(True, 4, 48, 4, 2),
            Row(True, 4, 64, 4, 2),
            Row(False, 6, 128, 4, 2),
            Row(False, 9, 160, 6, 1),
            Row(False, 15, 256, 6, 2),
        ),
    ),
    "m": Table(
        stem=24,
        pixels=ONE,
        rows=(
            Row(True, 3, 24, 1, 1),
            Row(True, 5, 48, 4, 2),
            Row(True, 5, 80, 4, 2),
            Row(False, 7, 160, 4, 2),
            Row(False, 14, 176, 6, 1),
            Row(False, 18, 304, 6, 2),
            Row(False, 5, 512, 6, 1),
        ),
    ),
    "l": Table(
        stem=32,
        pixels=ONE,
        rows=(
            Row(True, 4, 32, 1, 1),
            Row(True, 7, 64, 4, 2),
            Row(True, 7, 96, 4, 2),
            Row(False, 10, 192, 4, 2),
            Row(False, 19, 224, 6, 1),
            Row(False, 25, 384, 6, 2),
            Row(False, 7, 640, 6, 1),
        ),
    ),
}
FINAL = 1280
SQUEEZE = 4  # the squeezed channels are this part of a block's input


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        table: "b", the base of B0 to B3, or that of S, M or L.
        width: factor of all channel numbers, rounded to multiples of 8.
        depth: factor of all numbers of blocks, rounded up.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate that stochastic depth grows towards, from 0 at the first block, and passes in a deepened table,
            whose blocks are counted before they are made more.
        dropout: rate in front of the classifier.
    """

    table: Literal["b", "s", "m", "l"] = "b"
    width: Width = 1.0
    depth: Width = 1.0
    output_stride: OutputStride = None
    drop_path: Rate = 0.2
    dropout: Rate = 0.2


def efficientnet_v2(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is the k x k convolution of each fused block."""
    table = TABLES[arguments.table]

    def width(channels: int) -> int:
        return nearest(channels * arguments.width)

    pixels = table.pixels.for_channels(x.shape[-1])
    x = net.rescaled_pixels(x, pixels.mean, pixels.std)
    x = net.conv_bn(x, width(table.stem), 3, strides=2, activation="silu", name="stem")
    blocks, block = sum(row.units for row in table.rows), 0
    scales = resolutions(2, [row.strides for row in table.rows], arguments.output_stride)
    for s, (row, scale) in enumerate(zip(table.rows, scales, strict=True), start=1):
        for u in range(1, math.ceil(row.units * arguments.depth) + 1):
            name, inputs, channels, window = f"stage{s}_unit{u}", x, width(row.channels), scale.window(u)
            rate, block = min(arguments.drop_path * block / blocks, 0.999), block + 1
            if not row.fused:
                x = inverted_bottleneck(
                    net,
                    x,
                    channels,
                    3,
                    middle=x.shape[-1] * row.expansion,
                    window=window,
                    activation="silu",
                    squeezed=max(1, x.shape[-1] // SQUEEZE),
                    squeeze_activation="silu",
                    gate="sigmoid",
                    drop_path=rate,
                    name=name,
                )
                continue
            middle = channels if row.expansion == 1 else x.shape[-1] * row.expansion
            x = net.slot_bn(x, middle, 3, **window, activation="silu", name=f"{name}_fused")
            if row.expansion > 1:
                x = net.conv_bn(x, channels, 1, activation=None, name=f"{name}_project")
            if inputs.shape == x.shape:
                x = net.add(inputs, net.drop_path(x, rate, name=name), name=name)
    return net.conv_bn(x, width(FINAL), 1, activation="silu", name="final")


@dataclasses.dataclass(frozen=True)
class Size:
    """A table, how far it is scaled, for which images; the hashes of its weights, all and without the classifier."""

    table: str
    pixels: int
    hashes: tuple[str, str]
    width: float = 1.0
    depth: float = 1.0


SIZES = {
    "b0": Size("b", 224, ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff")),
    "b1": Size("b", 240, ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"), 1.0, 1.1),
    "b2": Size("b", 260, ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"), 1.1, 1.2),
    "b3": Size("b", 300, ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"), 1.2, 1.4),
    "s": Size("s", 384, ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070")),
    "m": Size("m", 480, ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342")),
    "l": Size("l", 480, ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615")),
}
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/efficientnetv2-"


def _form(size: Size) -> dict[str, object]:
    return {"table": size.table, "width": size.width, "depth": size.depth}


FAMILY = Family(
    name="efficientnet_v2",
    paper=Paper(
        title="EfficientNetV2: Smaller Models and Faster Training",
        authors="Tan & Le",
        venue="ICML 2021",
        arxiv="2104.00298",
    ),
    arguments=Arguments,
    body=efficientnet_v2,
    slots={kind: {} for kind in PRESETS},
    replaces="the dense k x k convolution of each fused block",
    listed=tuple(
        ModelSpec(
            f"efficientnet_v2_{name}",
            arguments={**_form(size), "batch_norm_momentum": 0.9, "initializers": "fan_out"},
            input_shape=(size.pixels, size.pixels, 3),
            preprocessing=dataclasses.replace(AS_THEY_ARE, crop_fraction=1.0, interpolation="bicubic"),
        )
        for name, size in SIZES.items()
    ),
    weights=tuple(
        WeightFile(_form(size), size.pixels, top, f"{_URL}{name}{'' if top else '_notop'}.h5", file_hash)
        for name, size in SIZES.items()
        for top, file_hash in zip((True, False), size.hashes, strict=True)
    ),
    weights_licence="Apache-2.0",
    note="Raw pixels go in: B0 to B3 normalize them by ImageNet's mean and deviation, S, M and L to pixels / 128 - 1. "
    "Keras has a dropout of .2 for all sizes, the authors' program .3 and .4 for the larger ones. They train at "
    "smaller sizes than they test at.",
)
