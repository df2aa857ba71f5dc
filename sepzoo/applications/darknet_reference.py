"""Darknet reference network: seven 3 x 3 convolutions, six poolings (cfg/darknet.cfg in Redmon's program Darknet)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sepzoo.layers import heads
from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import ActivationName, Classifier, OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.types import Activation, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

STAGES = (16, 32, 64, 128, 256, 512, 1024)  # one convolution each; a max pooling stands in front of all but the first


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        alpha: width; every channel number is multiplied by it and truncated.
        activation: behind each batch normalization.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        classifier: an averaged 1 x 1 convolution ("conv", Darknet), or a dense layer ("dense").
        dropout: rate in front of a dense classifier.
    """

    alpha: Width = 1.0
    activation: ActivationName = "leaky_relu"
    output_stride: OutputStride = None
    classifier: Classifier = "conv"
    dropout: Rate = 0.0


def darknet_reference(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each 3 x 3 convolution."""
    scales = resolutions(1, (1, *(2,) * 6), arguments.output_stride)
    for s, (channels, scale) in enumerate(zip(STAGES, scales, strict=True), start=1):
        if s > 1:
            x = net.max_pool(x, 2, strides=scale.strides, padding="same", name=f"stage{s}_pool")
        x = net.slot_bn(
            x,
            truncated(channels, arguments.alpha),
            3,
            dilation_rate=scale.dilation,
            activation=arguments.activation,
            name=f"stage{s}_conv",
        )
    return x


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores."""
    if arguments.classifier == "dense":
        return heads.pooled_head(net, x, arguments, classes=classes, activation=activation)
    x = net.activation(net.conv(x, classes, 1, use_bias=True, name="logits"), "leaky_relu", name="logits")
    return net.scores(net.global_average_pool(x), activation=activation)


def _spec(name: str, conv: str | None, *, cifar: bool) -> ModelSpec:
    return ModelSpec(
        name,
        arguments={"classifier": "dense"} if cifar else {},
        conv=conv,
        input_shape=(32, 32, 3) if cifar else (224, 224, 3),
        classes=10 if cifar else 1000,
        dataset="cifar10" if cifar else "imagenet",
        minimum_size=1,
        preprocessing=ZERO_TO_ONE,
    )


FAMILY = Family(
    name="darknet_reference",
    paper=Paper(
        title="You Only Look Once: Unified, Real-Time Object Detection",
        authors="Redmon et al.",
        venue="CVPR 2016",
        arxiv="1506.02640",
    ),
    arguments=Arguments,
    body=darknet_reference,
    head=head,
    slots={kind: {} for kind in PRESETS},
    replaces="each of the seven 3 x 3 convolutions",
    listed=tuple(
        _spec(f"{prefix}darknet_reference{suffix}", conv, cifar=prefix != "")
        for prefix in ("", "cifar_")
        for suffix, conv in (("", None), ("_separable", "separable"))
    ),
    note=(
        "The network of cfg/darknet.cfg in the authors' program Darknet, not of the paper. The `cifar_` names, for "
        "32 x 32 pixels and with a dense classifier, are ours; the `_separable` names are the bare exchange of its "
        "convolutions that QuickNet (1701.02291) sets out from."
    ),
    also_in=("1701.02291",),
)
