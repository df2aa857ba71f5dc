"""ResNet of basic blocks: two 3 x 3 convolutions beside a shortcut (He et al., CVPR 2016, arXiv 1512.03385, table 1).

With `preactivation` batch normalization and activation stand in front of each convolution, and the sum passes on as it
is (He et al., ECCV 2016, arXiv 1603.05027, fig. 1b).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.resolution import Resolution, resolutions
from sepzoo.records.arguments import OutputStride, Rate, Units
from sepzoo.records.authors import authors_spec, authors_specs
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.naming import VARIANT, depth_error, variant_of, with_variants
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: the channels of its units; the first unit is strided."""

    channels: int
    strides: int


STEM = 64
STAGES = (Stage(64, 1), Stage(128, 2), Stage(256, 2), Stage(512, 2))
UNITS = {  # depth: units in each stage; 68 and 102 are the authors' own: ResNet-101 and -152 with basic blocks
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    26: (3, 3, 3, 3),
    34: (3, 4, 6, 3),
    68: (3, 4, 23, 3),
    102: (3, 8, 36, 3),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        units: number of units in each of the four stages.
        preactivation: whether batch normalization and activation stand in front of the convolutions.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last unit, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    units: tuple[Units, Units, Units, Units] = (2, 2, 2, 2)
    preactivation: bool = False
    output_stride: OutputStride = None
    drop_path: Rate = 0.0
    dropout: Rate = 0.0


def resnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each 3 x 3 convolution."""
    x = net.conv_bn(x, STEM, 7, strides=2, activation="relu", name="stem")
    return residual_stages(
        net,
        net.max_pool(x, 3, strides=2, name="stem_pool"),
        STAGES,
        resolutions(4, [stage.strides for stage in STAGES], arguments.output_stride),
        units=arguments.units,
        preactivation=arguments.preactivation,
        drop_path=arguments.drop_path,
    )


def residual_stages(
    net: LayerBuilder,
    x: Tensor,
    stages: Sequence[Stage],
    scales: Sequence[Resolution],
    *,
    units: Sequence[int],
    preactivation: bool,
    drop_path: float,
) -> Tensor:
    """Return the feature map behind all units of a table; the three families of ResNets end in it."""
    unit = _preactivated if preactivation else _postactivated
    rates = iter(drop_rates(drop_path, sum(units)))
    for s, (stage, scale, count) in enumerate(zip(stages, scales, units, strict=True), start=1):
        for u in range(1, count + 1):
            x = unit(net, x, Unit(stage.channels, scale.window(u), scale.dilation, next(rates), f"stage{s}_unit{u}"))
    return net.activation(net.batch_norm(x, name="final_bn"), "relu", name="final") if preactivation else x


@dataclasses.dataclass(frozen=True)
class Unit:
    """One basic block: its channels, the window and then the dilation of its two convolutions, where it stands."""

    channels: int
    window: dict[str, int]
    dilation: int
    drop_path: float
    place: str

    def projects(self, inputs: Tensor) -> bool:
        """Return whether the shortcut needs a 1 x 1 convolution, as channels or size change (option B)."""
        return self.window["strides"] != 1 or inputs.shape[-1] != self.channels


def _postactivated(net: LayerBuilder, inputs: Tensor, unit: Unit) -> Tensor:
    channels, place, shortcut = unit.channels, unit.place, inputs
    x = net.slot_bn(inputs, channels, 3, **unit.window, activation="relu", name=f"{place}_conv1")
    x = net.slot_bn(x, channels, 3, dilation_rate=unit.dilation, activation=None, name=f"{place}_conv2")
    x = net.drop_path(x, unit.drop_path, name=place)
    if unit.projects(inputs):
        strides = unit.window["strides"]
        shortcut = net.conv_bn(inputs, channels, 1, strides=strides, activation=None, name=f"{place}_projection")
    return net.activation(net.add(shortcut, x, name=place), "relu", name=place)


def _preactivated(net: LayerBuilder, inputs: Tensor, unit: Unit) -> Tensor:
    channels, place, shortcut = unit.channels, unit.place, inputs
    active = net.activation(net.batch_norm(inputs, name=f"{place}_bn"), "relu", name=place)
    x = net.slot_bn(active, channels, 3, **unit.window, activation="relu", name=f"{place}_conv1")
    x = net.slot(x, channels, 3, dilation_rate=unit.dilation, name=f"{place}_conv2")
    x = net.drop_path(x, unit.drop_path, name=place)
    if unit.projects(inputs):
        shortcut = net.conv(active, channels, 1, strides=unit.window["strides"], name=f"{place}_projection")
    return net.add(shortcut, x, name=place)


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name."""
    match = re.fullmatch(rf"(?P<pre>pre)?resnet(?P<depth>\d+){VARIANT}", name)
    if match is None:
        return None
    units = UNITS.get(int(match["depth"]))
    if units is None:
        raise depth_error(match, ", ".join(map(str, UNITS)), UNITS)
    arguments = {"units": units, "preactivation": match["pre"] is not None}
    return authors_spec(name, arguments, cifar=False, **variant_of(match))


PAPER = Paper(
    title="Deep Residual Learning for Image Recognition",
    authors="He et al.",
    venue="CVPR 2016",
    arxiv="1512.03385",
)
SLOTS = {**{kind: {} for kind in PRESETS}, "bsconv_s": {"batch_norm": True}}
"""Kinds in the slots of all ResNets: by the authors' program with batch normalization between BSConv-S's steps."""

FAMILY = Family(
    name="resnet",
    paper=PAPER,
    arguments=Arguments,
    body=resnet,
    slots=SLOTS,
    replaces="each 3 x 3 convolution",
    listed=authors_specs(
        _authors_form, with_variants(f"{form}{depth}" for form in ("resnet", "preresnet") for depth in UNITS)
    ),
    parse=_authors_form,
)
