"""EfficientNet and its Lite form: one table, wider and deeper together (Tan & Le, ICML 2019, arXiv 1905.11946)."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.inverted_bottleneck import Bottlenecks, inverted_bottleneck
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import divisible
from sepzoo.records.arguments import OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.preprocessing import IMAGENET, Preprocessing
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

STEM = 32
ROWS = (
    Bottlenecks(3, 1, 16, units=1),
    Bottlenecks(3, 6, 24, units=2),
    Bottlenecks(5, 6, 40, units=2),
    Bottlenecks(3, 6, 80, units=3),
    Bottlenecks(5, 6, 112, units=3),
    Bottlenecks(5, 6, 192, units=4),
    Bottlenecks(3, 6, 320, units=1),
)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
FINAL = 1280
SQUEEZE = 4  # the squeezed channels are this part of a bottleneck's input


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        width: factor of all channel numbers, rounded to multiples of 8; in Lite not of the first and the last.
        depth: factor of all numbers of bottlenecks, rounded up; in Lite not of the first and the last row.
        lite: whether it is EfficientNet-Lite: ReLU6 for Swish, nothing squeezed, normalized images for raw pixels.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate that stochastic depth grows towards, from 0 at the first bottleneck.
        dropout: rate in front of the classifier.
    """

    width: Width = 1.0
    depth: Width = 1.0
    lite: bool = False
    output_stride: OutputStride = None
    drop_path: Rate = 0.2
    dropout: Rate = 0.2


def efficientnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; the kind "bsconv_s" is the orthonormal penalty on the projections."""
    lite, activation = arguments.lite, "relu6" if arguments.lite else "silu"

    def width(channels: int) -> int:
        return divisible(channels * arguments.width)

    def units(s: int, row: Bottlenecks) -> int:
        fixed = lite and s in (1, len(ROWS))
        return row.units if fixed else math.ceil(row.units * arguments.depth)

    if not lite:
        pixels = IMAGENET.for_channels(x.shape[-1])
        x = net.normalized_pixels(x, pixels.mean, pixels.std)
    x = net.conv_bn(x, STEM if lite else width(STEM), 3, strides=2, activation=activation, name="stem")
    counts = [units(s, row) for s, row in enumerate(ROWS, start=1)]
    rates = iter(drop_rates(arguments.drop_path, sum(counts) + 1))  # the rate itself is one step behind the last
    scales = resolutions(2, STRIDES, arguments.output_stride)
    for s, (row, count, scale) in enumerate(zip(ROWS, counts, scales, strict=True), start=1):
        for u in range(1, count + 1):
            inputs = x.shape[-1]
            x = inverted_bottleneck(
                net,
                x,
                width(row.channels),
                row.kernel_size,
                middle=row.middle(inputs),
                window=scale.window(u),
                activation=activation,
                squeezed=None if lite else max(1, inputs // SQUEEZE),
                squeeze_activation=activation,
                gate="sigmoid",
                drop_path=next(rates),
                name=f"stage{s}_unit{u}",
            )
    return net.conv_bn(x, FINAL if lite else width(FINAL), 1, activation=activation, name="final")


@dataclasses.dataclass(frozen=True)
class Size:
    """How far the table is scaled, and for which images: factors of width and depth, pixels, dropout."""

    width: float
    depth: float
    pixels: int
    dropout: float


SIZES = {
    "b0": Size(1.0, 1.0, 224, 0.2),
    "b1": Size(1.0, 1.1, 240, 0.2),
    "b2": Size(1.1, 1.2, 260, 0.3),
    "b3": Size(1.2, 1.4, 300, 0.3),
    "b4": Size(1.4, 1.8, 380, 0.4),
    "b5": Size(1.6, 2.2, 456, 0.4),
    "b6": Size(1.8, 2.6, 528, 0.5),
    "b7": Size(2.0, 3.1, 600, 0.5),
    "lite0": Size(1.0, 1.0, 224, 0.2),
    "lite1": Size(1.0, 1.1, 240, 0.2),
    "lite2": Size(1.1, 1.2, 260, 0.3),
    "lite3": Size(1.2, 1.4, 300, 0.3),
    "lite4": Size(1.4, 1.8, 380, 0.3),
}
_URL = "https://storage.googleapis.com/keras-applications/efficientnet"
_HASHES = {  # of the file with the classifier, and without
    "b0": ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    "b1": ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    "b2": ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "b3": ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    "b4": ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "b5": ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    "b6": ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    "b7": ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
}


def _spec(name: str, size: Size) -> ModelSpec:
    lite = name.startswith("lite")
    mean, std = ((127.0,), (128.0,)) if lite else ((0.0,), (1.0,))  # the others normalize raw pixels themselves
    return ModelSpec(
        f"efficientnet_{name}",
        arguments={
            "width": size.width,
            "depth": size.depth,
            "lite": lite,
            "dropout": size.dropout,
            "initializers": "fan_out",
        },
        input_shape=(size.pixels, size.pixels, 3),
        preprocessing=Preprocessing(
            mean=mean, std=std, crop_fraction=size.pixels / (size.pixels + 32), interpolation="bicubic"
        ),
    )


FAMILY = Family(
    name="efficientnet",
    paper=Paper(
        title="EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        authors="Tan & Le",
        venue="ICML 2019",
        arxiv="1905.11946",
    ),
    arguments=Arguments,
    body=efficientnet,
    slots={"bsconv_s": {}},
    replaces="none of the convolutions: bsconv_s is the orthonormal penalty on the linear projections",
    listed=tuple(_spec(name, size) for name, size in SIZES.items()),
    weights=tuple(
        WeightFile(
            {"width": SIZES[name].width, "depth": SIZES[name].depth, "lite": False},
            SIZES[name].pixels,
            top,
            f"{_URL}{name}{'' if top else '_notop'}.h5",
            hashes[0 if top else 1],
        )
        for name, hashes in _HASHES.items()
        for top in (True, False)
    ),
    weights_licence="Apache-2.0",
    note="The table is that of the authors' program; the paper's has one stride a row later. Lite was published as a "
    "program alone.",
)
