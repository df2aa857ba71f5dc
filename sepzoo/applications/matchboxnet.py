"""MatchboxNet: time-channel separable convolutions on spoken words (Majumdar and Ginsburg 2020, arXiv 2004.08531)."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.heads import dense_head
from sepzoo.layers.time_channel import TimeChannelBlock, time_channel_block
from sepzoo.records.arguments import Count, Rate, Stride, Units
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.sound import Sound
from sepzoo.support.types import Activation, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

STEM = TimeChannelBlock(128, 11)
FIRST_WINDOW = 13  # of the first block; each further one has a window that is 2 longer
FINAL = TimeChannelBlock(128, 29, dilation_rate=2)
EMBEDDING = 128
SOUND = Sound(
    samples=20_720,  # 128 frames: a word of a second, and silence
    window=400,
    step=160,
    bands=64,
    low=0.0,
    high=8_000.0,
    coefficients=64,
    scaled=False,
    channel=False,
)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        blocks: residual blocks, the paper's B.
        units: convolutions in each of them, its R.
        channels: of these, its C.
        stem_strides: over time, of the first convolution.
        dropout: rate behind each ReLU.
    """

    blocks: Units = 3
    units: Units = 1
    channels: Count = 64
    stem_strides: Stride = 1
    dropout: Rate = 0.0


def rows(arguments: Arguments) -> tuple[TimeChannelBlock, ...]:
    """Return the residual blocks of the paper's table 1.

    Example:
        >>> [row.kernel_size for row in rows(Arguments())]
        [13, 15, 17]
    """
    return tuple(
        TimeChannelBlock(arguments.channels, FIRST_WINDOW + 2 * b, arguments.units, residual=True)
        for b in range(arguments.blocks)
    )


def matchboxnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last features of every step; a slot is each separable convolution."""
    rate = arguments.dropout
    stem = dataclasses.replace(STEM, strides=arguments.stem_strides)
    x = time_channel_block(net, x, stem, place="stem", dropout=rate)
    for b, block in enumerate(rows(arguments), start=1):
        x = time_channel_block(net, x, block, place=f"stage{b}", dropout=rate)
    x = time_channel_block(net, x, FINAL, place="final", dropout=rate)
    x = net.conv_bn(x, EMBEDDING, 1, activation="relu", name="final_embedding")
    return net.dropout(x, rate, name="final_embedding_dropout")


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores: the mean over time, one dense layer."""
    return dense_head(net, x, classes=classes, activation=activation)


def _spec(name: str, blocks: int, units: int, channels: int) -> ModelSpec:
    return ModelSpec(
        name,
        arguments={
            "blocks": blocks,
            "units": units,
            "channels": channels,
            "padding": "symmetric",
            "batch_norm_momentum": 0.9,
        },
        input_shape=(128, 64),
        classes=12,
        dataset="speech_commands",
        minimum_size=1,
        takes="audio",
        sound=SOUND,
    )


def _parse(name: str) -> ModelSpec | None:
    match = re.fullmatch(r"matchboxnet_([1-9]\d{0,2})x([1-9]\d{0,2})x([1-9]\d{0,4})", name)
    return _spec(name, *map(int, match.groups())) if match else None


FAMILY = Family(
    name="matchboxnet",
    paper=Paper(
        title="MatchboxNet: 1D Time-Channel Separable Convolutional Neural Network Architecture for Speech Commands "
        "Recognition",
        authors="Majumdar and Ginsburg",
        venue="Interspeech 2020",
        arxiv="2004.08531",
    ),
    arguments=Arguments,
    body=matchboxnet,
    head=head,
    slots={kind: {} for kind in PRESETS},
    replaces="each of the separable convolutions",
    listed=(
        _spec("matchboxnet_3x1x64", 3, 1, 64),
        _spec("matchboxnet_3x2x64", 3, 2, 64),
        _spec("matchboxnet_6x2x64", 6, 2, 64),
    ),
    parse=_parse,
    note="Features go in: 64 mel-frequency cepstral coefficients of 128 windows, one every 10 ms. Any name "
    "matchboxnet_BxRxC is built. The table is that of the authors' program (NVIDIA NeMo), whose first convolution has "
    "no stride; others who cite the paper give it one of 2: stem_strides=2. The paper's networks tell 30 or 35 words "
    "apart, and these the 12 classes that keyword networks are compared on.",
)
