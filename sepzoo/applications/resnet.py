"""ResNet of basic blocks: two 3 x 3 convolutions beside a shortcut (He et al., CVPR 2016, arXiv 1512.03385, table 1).

With `preactivation` batch normalization and activation stand in front of each convolution, and the sum passes on as it
is (He et al., ECCV 2016, arXiv 1603.05027, fig. 1b).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sepzoo.layers.builder import Blocks
from sepzoo.layers.drop_path import drop_rates
from sepzoo.layers.resolution import Resolution, resolutions
from sepzoo.support.errors import SepzooError


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: the channels of its units; the first unit is strided."""

    channels: int
    strides: int


STEM = 64
STAGES = (Stage(64, 1), Stage(128, 2), Stage(256, 2), Stage(512, 2))


def resnet(
    net: Blocks,
    x: Any,
    *,
    units: Sequence[int] = (2, 2, 2, 2),
    preactivation: bool = False,
    output_stride: int | None = None,
    drop_path: float = 0.0,
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each 3 x 3 convolution.
        x: images.
        units: number of units in each of the four stages.
        preactivation: whether batch normalization and activation stand in front of the convolutions.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last unit, growing from 0 at the first.
    """
    x = net.conv_bn(x, STEM, 7, strides=2, activation="relu", name="stem")
    x = net.max_pool(x, 3, strides=2, name="stem_pool")
    scales = resolutions(4, [stage.strides for stage in STAGES], output_stride)
    return residual_stages(net, x, STAGES, scales, units=units, preactivation=preactivation, drop_path=drop_path)


def residual_stages(
    net: Blocks,
    x: Any,
    stages: Sequence[Stage],
    scales: Sequence[Resolution],
    *,
    units: Sequence[int],
    preactivation: bool,
    drop_path: float,
) -> Any:
    """Return the feature map behind all units of a table; the three families of ResNets end in it.

    Raises:
        SepzooError: not one positive number of units for each stage.
    """
    if len(units) != len(stages) or any(not isinstance(count, int) or count < 1 for count in units):
        raise SepzooError(f"expected units as {len(stages)} positive numbers. Received: units={tuple(units)}.")
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

    def projects(self, inputs: Any) -> bool:
        """Return whether the shortcut needs a 1 x 1 convolution, as channels or size change (option B)."""
        return self.window["strides"] != 1 or inputs.shape[-1] != self.channels


def _postactivated(net: Blocks, inputs: Any, unit: Unit) -> Any:
    channels, place, shortcut = unit.channels, unit.place, inputs
    x = net.slot_bn(inputs, channels, 3, **unit.window, activation="relu", name=f"{place}_conv1")
    x = net.slot_bn(x, channels, 3, dilation_rate=unit.dilation, activation=None, name=f"{place}_conv2")
    x = net.drop_path(x, unit.drop_path, name=place)
    if unit.projects(inputs):
        strides = unit.window["strides"]
        shortcut = net.conv_bn(inputs, channels, 1, strides=strides, activation=None, name=f"{place}_projection")
    return net.activation(net.add(shortcut, x, name=place), "relu", name=place)


def _preactivated(net: Blocks, inputs: Any, unit: Unit) -> Any:
    channels, place, shortcut = unit.channels, unit.place, inputs
    active = net.activation(net.batch_norm(inputs, name=f"{place}_bn"), "relu", name=place)
    x = net.slot_bn(active, channels, 3, **unit.window, activation="relu", name=f"{place}_conv1")
    x = net.slot(x, channels, 3, dilation_rate=unit.dilation, name=f"{place}_conv2")
    x = net.drop_path(x, unit.drop_path, name=place)
    if unit.projects(inputs):
        shortcut = net.conv(active, channels, 1, strides=unit.window["strides"], name=f"{place}_projection")
    return net.add(shortcut, x, name=place)


def bsconv_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of the `bsconv` package's ResNet.

    Args:
        places: of the network's units, "stage1_unit1" and so on.
    """
    names = {
        "input_bn": "backbone.data_bn",
        **_slot_names("stem", "backbone.init_unit.conv"),
        "final_bn": "backbone.final_activation.bn",
        "predictions": "classifier.conv",
    }
    for place in places:
        module = "backbone." + place.replace("_", ".")
        names[f"{place}_bn"] = f"{module}.bn"
        for part in ("conv1", "conv2", "projection"):
            names |= _slot_names(f"{place}_{part}", f"{module}.{part}")
    return names


def _slot_names(ours: str, theirs: str) -> dict[str, str]:
    factors = {
        "pointwise": "pw",
        "pointwise_bn": "bn",
        "pointwise_1": "pw1",
        "pointwise_1_bn": "bn1",
        "pointwise_2": "pw2",
        "pointwise_2_bn": "bn2",
        "depthwise": "dw",
    }
    inside = {f"{ours}/{factor}": f"{theirs}.conv.{module}" for factor, module in factors.items()}
    return {ours: f"{theirs}.conv", f"{ours}_bn": f"{theirs}.bn", **inside}


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `resnet18`, `resnet34` and `resnet50`.

    torchvision's networks have the same names.

    Args:
        places: of the network's units, "stage1_unit1" and so on.
    """
    names = {"stem": "conv1", "stem_bn": "bn1", "predictions": "fc"}
    for place in places:
        stage, unit = place.removeprefix("stage").split("_unit")
        block = f"layer{stage}.{int(unit) - 1}"
        names |= {f"{place}_projection": f"{block}.downsample.0", f"{place}_projection_bn": f"{block}.downsample.1"}
        for conv in ("1", "2", "3"):
            names |= {f"{place}_conv{conv}": f"{block}.conv{conv}", f"{place}_conv{conv}_bn": f"{block}.bn{conv}"}
    return names
