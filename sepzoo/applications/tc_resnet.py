"""TC-ResNet: dense convolutions over time, coefficients as channels (Choi et al. 2019, arXiv 1904.03814)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import Count, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.sound import Sound
from sepzoo.support.types import Activation, Options, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

STEM = 16
EIGHT = (24, 32, 48)
FOURTEEN = (24, 24, 32, 32, 48, 48)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        channels: of each unit; one of other channels than the unit before has stride 2.
        kernel_size: of the units' convolutions, over time.
        alpha: width; every channel number is multiplied by it and truncated.
        dropout: rate in front of the classifier.
    """

    channels: tuple[Count, ...] = EIGHT
    kernel_size: Count = 9
    alpha: Width = 1.0
    dropout: Rate = 0.5


def tc_resnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last features of every step that is left; a slot is each convolution of a unit."""
    x = net.conv_bn(x, truncated(STEM, arguments.alpha), 3, activation="relu", name="stem")
    before = STEM
    for u, channels in enumerate(arguments.channels, start=1):
        x = _unit(net, x, channels, arguments, strides=1 if channels == before else 2, place=f"stage{u}")
        before = channels
    return x


def _unit(net: LayerBuilder, x: Tensor, channels: int, arguments: Arguments, *, strides: int, place: str) -> Tensor:
    width, window, shortcut = truncated(channels, arguments.alpha), arguments.kernel_size, x
    if strides > 1:
        shortcut = net.conv_bn(x, width, 1, strides=strides, activation="relu", name=f"{place}_projection")
    x = net.slot_bn(x, width, window, strides=strides, activation="relu", name=f"{place}_conv1")
    x = net.slot_bn(x, width, window, activation=None, name=f"{place}_conv2")
    return net.activation(net.add(shortcut, x, name=place), "relu", name=place)


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores: the mean over time, dropout, one dense layer without bias."""
    x = net.dropout(net.global_average_pool(x), arguments.dropout)
    return net.scores(net.dense(x, classes, use_bias=False, name="logits"), activation=activation)


def _spec(name: str, arguments: Options) -> ModelSpec:
    return ModelSpec(
        name,
        arguments={**arguments, "batch_norm_momentum": 0.997},
        input_shape=(98, 40),
        classes=12,
        dataset="speech_commands",
        minimum_size=1,
        takes="audio",
        sound=Sound(step=160, coefficients=40, scaled=False, channel=False),
    )


FAMILY = Family(
    name="tc_resnet",
    paper=Paper(
        title="Temporal Convolution for Real-time Keyword Spotting on Mobile Devices",
        authors="Choi et al.",
        venue="Interspeech 2019",
        arxiv="1904.03814",
    ),
    arguments=Arguments,
    body=tc_resnet,
    head=head,
    slots={kind: {} for kind in PRESETS},
    replaces="each of the units' convolutions over time",
    listed=(
        _spec("tc_resnet8", {}),
        _spec("tc_resnet8_w3d2", {"alpha": 1.5}),
        _spec("tc_resnet14", {"channels": FOURTEEN}),
        _spec("tc_resnet14_w3d2", {"channels": FOURTEEN, "alpha": 1.5}),
    ),
    note="Features go in: 40 mel-frequency cepstral coefficients of 98 windows of 30 ms, one every 10 ms. The authors' "
    "own convolutions are dense.",
)
