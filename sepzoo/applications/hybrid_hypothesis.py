"""Hybrid hypothesis: nine modules of one convolution of any kind, a reconstruction (Ghosh 2017, arXiv 1701.04489)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from sepzoo.layers.factorization import PRESETS, Factorization, factorization
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import divisible, truncated
from sepzoo.records.arguments import ActivationName, Count, OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.support.types import Options, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Module:
    """What one network repeats: its convolution, and the channels of the three stages."""

    name: str
    widths: tuple[int, int, int]
    conv: str
    options: Options = dataclasses.field(default_factory=dict)
    arguments: Options = dataclasses.field(default_factory=dict)

    def spec(self) -> ModelSpec:
        """Return the network that repeats it."""
        return ModelSpec(
            f"hybrid_hypothesis_{self.name}",
            arguments={"widths": self.widths, **self.arguments},
            conv=self.conv,
            conv_options=self.options,
            input_shape=(32, 32, 3),
            classes=10,
            dataset="cifar10",
            minimum_size=4,
        )


STEM = 64
EQUAL = (128, 256, 512)
UNITS = 3
MODULES = (
    Module("regular", (44, 80, 176), "regular"),
    Module("separable", (128, 256, 512), "separable"),
    Module("extreme_inception", (128, 256, 512), "inception", {"segments": "channels"}),
    Module("inception_s3", (60, 120, 243), "inception", {"segments": 3}),
    Module("inception_s4", (68, 132, 272), "inception", {"segments": 4}),
    Module("inception_s16", (96, 176, 416), "inception", {"segments": 16}),
    Module("resnext_c8", (112, 240, 416), "resnext", {"cardinality": 8}),
    Module("hybrid", (112, 240, 496), "hybrid"),
    Module("hybrid_full", (88, 176, 344), "hybrid", {"width": 1.0}),
    Module(
        "parallel",
        (96, 176, 416),
        "resnext",
        {"cardinality": 8},
        {"beside": "inception", "beside_options": {"segments": 4}},
    ),
)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        widths: channels of the three stages, or "equal" for 128, 256, 512; the names have widths of their own, which
            match their parameters to those of `hybrid_hypothesis_separable`, at a `width` of 1 alone.
        width: every channel number is multiplied by it, and rounded to what the kind's groups divide.
        mid_activation: activation, with batch normalization, between the steps of each convolution; None for neither.
        shortcut: whether each module's input is added to its output, projected where the channels differ.
        beside: second kind of convolution in each module, side by side with the first; each has half of the channels.
        beside_options: the second kind's options.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        dropout: rate in front of the classifier.
    """

    widths: tuple[Count, Count, Count] | Literal["equal"] = "equal"
    width: Width = 1.0
    mid_activation: ActivationName | None = None
    shortcut: bool = False
    beside: str | Factorization | None = None
    beside_options: Options | None = None
    output_stride: OutputStride = None
    dropout: Rate = 0.0


def hybrid_hypothesis(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is the convolution of each module."""
    kinds = [net.factorization or factorization("regular")]
    if arguments.beside is not None:
        kinds.append(factorization(arguments.beside, **(arguments.beside_options or {})))
    if arguments.mid_activation is not None:
        kinds = [dataclasses.replace(kind, batch_norm=True, activation=arguments.mid_activation) for kind in kinds]
    multiple = len(kinds) * math.lcm(*(1 if kind.groups == "channels" else kind.groups for kind in kinds))
    x = net.conv_bn(x, truncated(STEM, arguments.width), 3, activation="relu", name="stem")
    stages = EQUAL if arguments.widths == "equal" else arguments.widths
    scales = resolutions(1, (1, 2, 2), arguments.output_stride)
    for s, (channels, scale) in enumerate(zip(stages, scales, strict=True), start=1):
        if s > 1:
            x = net.max_pool(x, 2, strides=scale.strides, padding="same", name=f"stage{s}_pool")
        filters = divisible(truncated(channels, arguments.width), multiple)
        for u in range(1, UNITS + 1):
            x = _module(net, x, kinds, filters, arguments.shortcut, scale.dilation, f"stage{s}_unit{u}")
    return x


def _module(
    net: LayerBuilder,
    x: Tensor,
    kinds: Sequence[Factorization],
    filters: int,
    shortcut: bool,
    dilation: int,
    place: str,
) -> Tensor:
    inputs, share = x, filters // len(kinds)
    names = [f"{place}_{part}" for part in ("conv", "beside")]
    branches = [
        net.factorized(x, kind, share, 3, dilation_rate=dilation, name=name)
        for kind, name in zip(kinds, names, strict=False)
    ]
    x = branches[0] if len(branches) == 1 else net.concat(branches, name=place)
    x = net.batch_norm(x, name=f"{place}_bn")
    if shortcut:
        if inputs.shape[-1] != filters:
            inputs = net.conv_bn(inputs, filters, 1, activation=None, name=f"{place}_projection")
        x = net.add(inputs, x, name=place)
    return net.activation(x, "relu", name=place)


FAMILY = Family(
    name="hybrid_hypothesis",
    paper=Paper(
        title="Towards a New Interpretation of Separable Convolutions",
        authors="Ghosh",
        venue="2017",
        arxiv="1701.04489",
    ),
    arguments=Arguments,
    body=hybrid_hypothesis,
    slots={kind: {} for kind in PRESETS},
    replaces="the convolution of each of the 9 modules",
    listed=tuple(module.spec() for module in MODULES),
    note=(
        "A reconstruction: the paper's full text was not found. Its abstract gives the idea, a machine-written summary "
        "three differences of accuracy; layers, widths, cardinality, segments and data are ours. At full width "
        "every network has within half a percent as many parameters as the separable one."
    ),
)
