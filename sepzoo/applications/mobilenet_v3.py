"""MobileNetV3: searched bottlenecks with squeeze and excitation (Howard et al., ICCV 2019, arXiv 1905.02244)."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Annotated, Literal

from sepzoo.layers.conventions import Affects
from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.heads import Hidden, conv_head, dense_head
from sepzoo.layers.inverted_bottleneck import inverted_bottleneck
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.squeeze_excite import squeeze_excite
from sepzoo.layers.width import divisible, truncated
from sepzoo.records.arguments import Classifier, Count, OutputStride, Rate, Stride, Width
from sepzoo.records.authors import authors_spec, authors_specs
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.naming import WIDTH, mobilenet_names, width_of
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Activation, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Bottlenecks:
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
    rows: tuple[Bottlenecks, ...]


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
        Stage(1, 3, "relu", (Bottlenecks(16, (16,)),)),
        Stage(2, 3, "relu", (Bottlenecks(24, (64, 72)),)),
        Stage(2, 5, "relu", (Bottlenecks(40, (72, 120, 120), squeeze=True),)),
        Stage(2, 3, "hard_swish", (Bottlenecks(80, (240, 200, 184, 184)), Bottlenecks(112, (480, 672), squeeze=True))),
        Stage(2, 5, "hard_swish", (Bottlenecks(160, (672, 960, 960), squeeze=True),)),
    ),
)
SMALL = Table(
    hidden=1024,
    stages=(
        Stage(2, 3, "relu", (Bottlenecks(16, (16,), squeeze=True),)),
        Stage(2, 3, "relu", (Bottlenecks(24, (72, 88)),)),
        Stage(
            2,
            5,
            "hard_swish",
            (Bottlenecks(40, (96, 240, 240), squeeze=True), Bottlenecks(48, (120, 144), squeeze=True)),
        ),
        Stage(2, 5, "hard_swish", (Bottlenecks(96, (288, 576, 576), squeeze=True),)),
    ),
)
TABLES = {"large": LARGE, "small": SMALL}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        size: of the paper's two tables.
        alpha: width.
        minimalistic: windows of 3 x 3 and ReLU everywhere, no squeezing (Keras).
        divisor: channel numbers are rounded to its multiples, but for the stem (Keras); or truncated with None, and the
            last convolution is not thinned by a width under 1 (the BSConv authors).
        first_expansion: whether the first bottleneck keeps its 1 x 1 expansion of ratio 1 (the BSConv authors).
        final_squeeze: whether the last convolution's channels are squeezed and excited (the BSConv authors' small net).
        stem_strides: of the first convolution.
        strides: of each stage's first bottleneck, 5 in the large network and 4 in the small one; None for the table's.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last bottleneck, growing from 0 at the first.
        full_head: whether there is the paper's hidden layer in front of the classifier (not in the authors' networks).
        classifier: by 1 x 1 convolutions ("conv", Keras, the hidden one widened by a width over 1), or dense layers
            ("dense", the BSConv authors, the hidden one without bias).
        dropout: rate in front of the classifier.
    """

    size: Literal["large", "small"] = "large"
    alpha: Width = 1.0
    minimalistic: bool = False
    divisor: Count | None = 8
    first_expansion: bool = False
    final_squeeze: bool = False
    stem_strides: Stride = 2
    strides: tuple[Stride, ...] | None = None
    output_stride: OutputStride = None
    drop_path: Rate = 0.0
    full_head: Annotated[bool, Affects.HEAD] = True
    classifier: Classifier = "conv"
    dropout: Rate = 0.2


def mobilenet_v3(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; the kind "bsconv_s" is the orthonormal penalty on the projections."""
    alpha, divisor, stem_strides = arguments.alpha, arguments.divisor, arguments.stem_strides
    stages, minimalistic = TABLES[arguments.size].stages, arguments.minimalistic
    strides = arguments.strides or tuple(stage.strides for stage in stages)
    if len(strides) != len(stages):
        raise SepzooError(f"mobilenet_v3: expected {len(stages)} strides for {arguments.size!r}. Received: {strides}.")

    def width(channels: float) -> int:
        return truncated(int(channels), alpha) if divisor is None else divisible(channels * alpha, divisor)

    def share(channels: float) -> int:
        return int(channels) if divisor is None else divisible(channels, divisor)

    closing = "relu" if minimalistic else "hard_swish"
    x = net.conv_bn(x, STEM if divisor else width(STEM), 3, strides=stem_strides, activation=closing, name="stem")
    scales = resolutions(stem_strides, strides, arguments.output_stride)
    units = [[(row, mid) for row in stage.rows for mid in row.mids] for stage in stages]
    rates = iter(drop_rates(arguments.drop_path, sum(map(len, units))))
    inputs = STEM
    for s, (stage, scale) in enumerate(zip(stages, scales, strict=True), start=1):
        for u, (row, mid) in enumerate(units[s - 1], start=1):
            activation = "relu" if minimalistic else stage.activation
            middle = None
            if mid > inputs or arguments.first_expansion:
                middle = share(x.shape[-1] * (mid / inputs)) if divisor else width(mid)
            x = inverted_bottleneck(
                net,
                x,
                width(row.channels),
                3 if minimalistic else stage.kernel_size,
                middle=middle,
                window=scale.window(u),
                activation=activation,
                squeezed=share((middle or x.shape[-1]) / 4) if row.squeeze and not minimalistic else None,
                drop_path=next(rates),
                name=f"stage{s}_unit{u}",
            )
            inputs = row.channels
    final = share(FINAL * x.shape[-1]) if divisor else truncated(FINAL * inputs, max(alpha, 1.0))
    x = net.conv_bn(x, final, 1, activation=closing, name="final")
    return squeeze_excite(net, x, share(final / 4), name="final_squeeze") if arguments.final_squeeze else x


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores."""
    channels, in_keras = TABLES[arguments.size].hidden, arguments.classifier == "conv"
    if in_keras and arguments.alpha > 1.0:
        channels = divisible(channels * arguments.alpha)
    between = "relu" if arguments.minimalistic else "hard_swish"
    hidden = Hidden(channels, between, use_bias=in_keras) if arguments.full_head else None
    form = conv_head if in_keras else dense_head
    return form(net, x, hidden, classes=classes, activation=activation, dropout=arguments.dropout)


_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3/weights_mobilenet_v3_"
_HASHES = {  # size, minimalistic, alpha: of the file with the classifier, and without
    ("large", False, 0.75): ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    ("large", False, 1.0): ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    ("large", True, 1.0): ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    ("small", False, 0.75): ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    ("small", False, 1.0): ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    ("small", True, 1.0): ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}
_SMALL_IMAGES = {"large": (1, 1, 2, 2, 2), "small": (1, 2, 2, 2)}


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name."""
    pattern = rf"(?P<cifar>cifar_)?mobilenetv3_(?P<size>large|small)_{WIDTH}(?P<variant>_bsconvs_p1d6)?"
    match = re.fullmatch(pattern, name)
    if match is None:
        return None
    cifar, size = match["cifar"] is not None, match["size"]
    arguments = {
        "size": size,
        "alpha": width_of(match),
        "divisor": None,
        "first_expansion": True,
        "final_squeeze": size == "small",
        "full_head": False,
        "dropout": 0.0,
        "classifier": "dense",
    }
    return authors_spec(
        name,
        {**arguments, "stem_strides": 1, "strides": _SMALL_IMAGES[size]} if cifar else arguments,
        conv="bsconv_s" if match["variant"] else None,
        cifar=cifar,
    )


def _weights(size: str, minimalistic: bool, alpha: float) -> tuple[WeightFile, ...]:
    form = {"size": size, "minimalistic": minimalistic, "alpha": alpha}
    url = f"{_URL}{size}{'_minimalistic' if minimalistic else ''}_224_{alpha}_float"
    whole, features = _HASHES[size, minimalistic, alpha]
    return (
        WeightFile({**form, "full_head": True}, 224, True, f"{url}.h5", whole),
        WeightFile(form, 224, False, f"{url}_no_top_v2.h5", features),
    )


FAMILY = Family(
    name="mobilenet_v3",
    paper=Paper(title="Searching for MobileNetV3", authors="Howard et al.", venue="ICCV 2019", arxiv="1905.02244"),
    arguments=Arguments,
    body=mobilenet_v3,
    head=head,
    slots={"bsconv_s": {}},
    replaces="none of the convolutions: bsconv_s is the orthonormal penalty on the linear projections, as published",
    listed=(
        ModelSpec("mobilenet_v3_large", arguments={"size": "large", "batch_norm_momentum": 0.999}),
        ModelSpec("mobilenet_v3_small", arguments={"size": "small", "batch_norm_momentum": 0.999}),
        *authors_specs(_authors_form, mobilenet_names("v3_large", "bsconvs_p1d6")),
        *authors_specs(_authors_form, mobilenet_names("v3_small", "bsconvs_p1d6")),
    ),
    parse=_authors_form,
    weights=tuple(file for variant in _HASHES for file in _weights(*variant)),
    weights_licence="Apache-2.0",
)
