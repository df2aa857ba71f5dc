"""QuickNet: Darknet's widths in separable convolutions with PReLU, a reconstruction (Ghosh 2017, arXiv 1701.02291)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS, separable
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import ActivationName, OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: some convolutions of the same width. A max pooling stands in front of all but the first."""

    channels: int
    convolutions: int


STEM = 16
STAGES = (Stage(64, 3), Stage(128, 3), Stage(256, 3), Stage(512, 3), Stage(1024, 3))


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        alpha: width; every channel number is multiplied by it and truncated.
        activation: "prelu" (the paper), "leaky_relu" (Darknet), or another.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        dropout: rate in front of the classifier.
    """

    alpha: Width = 1.0
    activation: ActivationName = "prelu"
    output_stride: OutputStride = None
    dropout: Rate = 0.0


def quicknet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each 3 x 3 convolution but the stem."""
    kind, activation = net.factorization or separable(), arguments.activation
    x = net.conv_bn(x, truncated(STEM, arguments.alpha), 3, activation=activation, name="stem")
    scales = resolutions(1, (1, 2, 2, 2, 2), arguments.output_stride)
    for s, (stage, scale) in enumerate(zip(STAGES, scales, strict=True), start=1):
        if s > 1:
            x = net.max_pool(x, 2, strides=scale.strides, padding="same", name=f"stage{s}_pool")
        width, dilation = truncated(stage.channels, arguments.alpha), scale.dilation
        for c in range(1, stage.convolutions + 1):
            name = f"stage{s}_conv{c}"
            x = net.factorized_bn(x, kind, width, 3, dilation_rate=dilation, activation=activation, name=name)
    return x


FAMILY = Family(
    name="quicknet",
    paper=Paper(
        title="QuickNet: Maximizing Efficiency and Efficacy in Deep Architectures",
        authors="Ghosh",
        venue="2017",
        arxiv="1701.02291",
    ),
    arguments=Arguments,
    body=quicknet,
    slots={kind: {} for kind in PRESETS},
    replaces="each of the 15 separable convolutions",
    listed=(
        ModelSpec(
            "quicknet_r",
            arguments={"dropout": 0.5},
            input_shape=(32, 32, 3),
            classes=10,
            dataset="cifar10",
            minimum_size=16,
        ),
    ),
    note=(
        "A reconstruction: the paper's full text was not found. Published are the start (the Darknet reference "
        "network), separable convolutions, PReLU, batch normalization, dropout 0.5, 3.56 million parameters, and "
        "95.7 % on CIFAR-10 with 6,000 images of a split of its own. Reconstructed are the layers: of Darknet's "
        "doubling widths, three convolutions a width are the only depth that gives 3.56 million."
    ),
)
