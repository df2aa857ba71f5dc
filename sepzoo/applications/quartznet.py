"""QuartzNet: time-channel separable convolutions from speech to letters (Kriman et al. 2019, arXiv 1910.10261)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.time_channel import TimeChannelBlock, time_channel_block
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import Rate, Units, Width
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.support.types import Activation, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

STEM = TimeChannelBlock(256, 33, strides=2)
GROUPS = ((256, 33), (256, 39), (512, 51), (512, 63), (512, 75))  # channels and window; of each some blocks in a row
FINAL = TimeChannelBlock(512, 87, dilation_rate=2)
EMBEDDING = 1024


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        repeats: blocks of each of the five groups; the paper's B counts all, so that 15x5 has 3.
        units: convolutions in a block, the paper's R.
        alpha: width; every channel number is multiplied by it and truncated.
        dropout: rate behind each ReLU.
    """

    repeats: Units = 3
    units: Units = 5
    alpha: Width = 1.0
    dropout: Rate = 0.0


def quartznet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last features of every second step; a slot is each separable convolution."""

    def block(x: Tensor, row: TimeChannelBlock, place: str) -> Tensor:
        row = dataclasses.replace(row, channels=truncated(row.channels, arguments.alpha))
        return time_channel_block(net, x, row, place=place, dropout=arguments.dropout)

    x = block(x, STEM, "stem")
    for g, (channels, window) in enumerate(GROUPS, start=1):
        row = TimeChannelBlock(channels, window, arguments.units, residual=True)
        for b in range(1, arguments.repeats + 1):
            x = block(x, row, f"stage{g}_block{b}")
    x = block(x, FINAL, "final")
    x = net.conv_bn(x, truncated(EMBEDDING, arguments.alpha), 1, activation="relu", name="final_embedding")
    return net.dropout(x, arguments.dropout, name="final_embedding_dropout")


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the scores of each letter at each step, as connectionist temporal classification takes them."""
    x = net.conv(x, classes, 1, use_bias=True, name="logits")
    return net.scores(x, activation=activation)


def _spec(name: str, repeats: int) -> ModelSpec:
    return ModelSpec(
        name,
        arguments={"repeats": repeats, "padding": "symmetric", "batch_norm_momentum": 0.9},
        input_shape=(1600, 64),
        classes=29,
        dataset="librispeech",
        minimum_size=1,
        takes="audio",
    )


FAMILY = Family(
    name="quartznet",
    paper=Paper(
        title="QuartzNet: Deep Automatic Speech Recognition with 1D Time-Channel Separable Convolutions",
        authors="Kriman et al.",
        venue="ICASSP 2020",
        arxiv="1910.10261",
    ),
    arguments=Arguments,
    body=quartznet,
    head=head,
    slots={kind: {} for kind in PRESETS},
    replaces="each of the separable convolutions",
    listed=(_spec("quartznet_5x5", 1), _spec("quartznet_10x5", 2), _spec("quartznet_15x5", 3)),
    note="Features go in: 64 mel bands of as many windows as there are, one every 10 ms. Scores of 28 characters and "
    "the blank come out, one row every 20 ms; `sepzoo train` has no loss for these. The table is that of the authors' "
    "program (NVIDIA NeMo).",
)
