"""ConvNeXt: depthwise 7 x 7, layer normalization, two 1 x 1 (Liu et al., CVPR 2022, arXiv 2201.03545, table 9)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

from sepzoo.layers.conventions import Affects
from sepzoo.layers.drop_rates import drop_rates
from sepzoo.records.arguments import Count, Rate, Units
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.preprocessing import IMAGENET
from sepzoo.support.arguments import Interval
from sepzoo.support.types import Activation, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

KERNEL_SIZE = 7
EXPANSION = 4
EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        depths: blocks of each stage.
        channels: of the first stage; each other has twice those of the one before.
        layer_scale: what each channel of a branch is multiplied by to begin with.
        drop_path: rate of stochastic depth at the last block, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    depths: tuple[Units, Units, Units, Units] = (3, 3, 9, 3)
    channels: Count = 96
    layer_scale: Annotated[float, Interval(above=0, at_most=1), Affects.NO_WEIGHTS] = 1e-6
    drop_path: Rate = 0.0
    dropout: Rate = 0.0


def convnext(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; the kind "bsconv_s" is the orthonormal penalty on the projections."""
    rates = iter(drop_rates(arguments.drop_path, sum(arguments.depths)))
    for s, units in enumerate(arguments.depths, start=1):
        channels = arguments.channels * 2 ** (s - 1)
        if s == 1:
            x = net.conv(x, channels, 4, strides=4, padding="valid", use_bias=True, name="stem")
            x = net.layer_norm(x, epsilon=EPSILON, name="stem_norm")
        else:
            x = net.layer_norm(x, epsilon=EPSILON, name=f"stage{s}_downsample_norm")
            x = net.conv(x, channels, 2, strides=2, padding="valid", use_bias=True, name=f"stage{s}_downsample")
        for u in range(1, units + 1):
            name, inputs = f"stage{s}_unit{u}", x
            x = net.depthwise(x, KERNEL_SIZE, use_bias=True, name=f"{name}_depthwise")
            x = net.layer_norm(x, epsilon=EPSILON, name=f"{name}_norm")
            x = net.conv(x, EXPANSION * channels, 1, use_bias=True, name=f"{name}_expand")
            x = net.activation(x, "gelu", name=f"{name}_expand")
            x = net.conv(x, channels, 1, use_bias=True, regularizer=net.orthonormal(), name=f"{name}_project")
            x = net.layer_scale(x, arguments.layer_scale, name=f"{name}_scale")
            x = net.add(inputs, net.drop_path(x, next(rates), name=name), name=name)
    return x


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores: pooling, layer normalization, dropout, one dense layer."""
    x = net.layer_norm(net.global_average_pool(x), epsilon=EPSILON, name="hidden_norm")
    return net.classifier(net.dropout(x, arguments.dropout), classes, activation=activation)


@dataclasses.dataclass(frozen=True)
class Size:
    """Blocks, the first stage's channels, and the hashes of Keras's files, all and without the classifier."""

    depths: tuple[int, int, int, int]
    channels: int
    hashes: tuple[str, ...] = ()

    @property
    def form(self) -> dict[str, object]:
        """What the network is built with."""
        return {"depths": self.depths, "channels": self.channels}


SIZES = {
    "atto": Size((2, 2, 6, 2), 40),
    "femto": Size((2, 2, 6, 2), 48),
    "pico": Size((2, 2, 6, 2), 64),
    "nano": Size((2, 2, 8, 2), 80),
    "tiny": Size(
        (3, 3, 9, 3),
        96,
        (
            "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
            "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        ),
    ),
    "small": Size(
        (3, 3, 27, 3),
        96,
        (
            "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
            "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
        ),
    ),
    "base": Size(
        (3, 3, 27, 3),
        128,
        (
            "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
            "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
        ),
    ),
    "large": Size(
        (3, 3, 27, 3),
        192,
        (
            "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
            "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
        ),
    ),
    "xlarge": Size(
        (3, 3, 27, 3),
        256,
        (
            "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
            "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
        ),
    ),
}
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/convnext/convnext_"

FAMILY = Family(
    name="convnext",
    paper=Paper(title="A ConvNet for the 2020s", authors="Liu et al.", venue="CVPR 2022", arxiv="2201.03545"),
    arguments=Arguments,
    body=convnext,
    head=head,
    slots={"bsconv_s": {}},
    replaces="none of the convolutions: bsconv_s is the orthonormal penalty on the linear projections",
    listed=tuple(
        ModelSpec(
            f"convnext_{name}",
            arguments=size.form,
            preprocessing=dataclasses.replace(IMAGENET, interpolation="bicubic"),
        )
        for name, size in SIZES.items()
    ),
    weights=tuple(
        WeightFile(size.form, 224, top, f"{_URL}{name}{'' if top else '_notop'}.h5", file_hash, "sha256")
        for name, size in SIZES.items()
        for top, file_hash in zip((True, False), size.hashes, strict=False)
    ),
    weights_licence="Apache-2.0",
    note="Atto to nano are timm's, the others the paper's. Pixels are normalized in front of the network, not in it as "
    "Keras has it. Keras's files of the base and larger ones were trained on ImageNet-22k first; those of tiny, small "
    "and base measured .8131, .8239 and .8536 with their porter, less than the authors'.",
)
