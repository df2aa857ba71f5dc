"""InceptionTime: windows of several lengths beside each other on any series (Ismail Fawaz 2019, arXiv 1909.04939)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.arguments import Count, Rate, Units
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

EVERY = 3  # modules between two shortcuts


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        modules: inception modules; behind every third there is a shortcut.
        channels: of each branch of a module, and of the bottleneck in front of them.
        windows: of the branches with a window, over time.
        residual: whether there are shortcuts.
        dropout: rate in front of the classifier.
    """

    modules: Units = 6
    channels: Count = 32
    windows: tuple[Count, ...] = (40, 20, 10)
    residual: bool = True
    dropout: Rate = 0.0


def inceptiontime(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last features of every step; a slot is each convolution with a window."""
    inputs = x
    for m in range(1, arguments.modules + 1):
        stage, unit = divmod(m - 1, EVERY)
        place = f"stage{stage + 1}_unit{unit + 1}"
        x = _module(net, x, arguments, place)
        if arguments.residual and m % EVERY == 0:
            inputs = net.conv_bn(inputs, x.shape[-1], 1, activation=None, name=f"{place}_projection")
            inputs = x = net.activation(net.add(inputs, x, name=place), "relu", name=f"{place}_add")
    return x


def _module(net: LayerBuilder, x: Tensor, arguments: Arguments, place: str) -> Tensor:
    channels, narrow = arguments.channels, x
    if x.shape[-1] > 1:
        narrow = net.conv(x, channels, 1, name=f"{place}_bottleneck")
    branches = [
        net.slot(narrow, channels, window, name=f"{place}_conv{b}")
        for b, window in enumerate(arguments.windows, start=1)
    ]
    pooled = net.max_pool(x, 3, strides=1, name=f"{place}_pool")
    branches.append(net.conv(pooled, channels, 1, name=f"{place}_pool_projection"))
    x = net.batch_norm(net.concat(branches, name=place), name=f"{place}_bn")
    return net.activation(x, "relu", name=place)


FAMILY = Family(
    name="inceptiontime",
    paper=Paper(
        title="InceptionTime: Finding AlexNet for Time Series Classification",
        authors="Ismail Fawaz et al.",
        venue="Data Mining and Knowledge Discovery 2020",
        arxiv="1909.04939",
    ),
    arguments=Arguments,
    body=inceptiontime,
    slots={kind: {} for kind in PRESETS},
    replaces="each of the modules' convolutions with a window",
    listed=(
        ModelSpec(
            "inceptiontime", input_shape=(150, 1), classes=2, dataset="gun_point", minimum_size=1, takes="series"
        ),
    ),
    note="Series of any length and number of channels go in, brought to mean 0 and deviation 1. This is one network; "
    "the paper's figures are those of the mean of five.",
)
