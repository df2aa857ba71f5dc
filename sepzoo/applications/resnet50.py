"""ResNet-50: bottlenecks of three convolutions beside a shortcut (He et al., CVPR 2016, arXiv 1512.03385, table 1)."""

from __future__ import annotations

import dataclasses
from typing import Any

from sepzoo.layers.builder import Blocks
from sepzoo.layers.drop_path import drop_rates
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.support.errors import SepzooError


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: its bottlenecks, whose last convolution is 4 times as wide; the first may be strided."""

    channels: int
    units: int
    strides: int


STEM = 64
STAGES = (Stage(64, 3, 1), Stage(128, 4, 2), Stage(256, 6, 2), Stage(512, 3, 2))
EXPANSION = 4


def resnet50(
    net: Blocks,
    x: Any,
    *,
    alpha: float = 1.0,
    use_bias: bool = True,
    strided_conv: int = 1,
    output_stride: int | None = None,
    drop_path: float = 0.0,
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each 3 x 3 convolution.
        x: images.
        alpha: width; every channel number is multiplied by it and truncated.
        use_bias: whether the convolutions have a bias (Keras), or none (timm, torchvision).
        strided_conv: which convolution of a stage's first bottleneck has the stride: 1, the first 1 x 1 (Keras, the
            paper), or 2, the 3 x 3 (timm, torchvision).
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last unit, growing from 0 at the first.

    Raises:
        SepzooError: another strided convolution.
    """
    if strided_conv not in (1, 2):
        raise SepzooError(f"expected strided_conv 1 or 2. Received: strided_conv={strided_conv!r}.")
    x = net.conv_bn(x, truncated(STEM, alpha), 7, strides=2, use_bias=use_bias, activation="relu", name="stem")
    x = net.max_pool(x, 3, strides=2, name="stem_pool")
    scales = resolutions(4, [stage.strides for stage in STAGES], output_stride)
    rates = iter(drop_rates(drop_path, sum(stage.units for stage in STAGES)))
    for s, (stage, scale) in enumerate(zip(STAGES, scales, strict=True), start=1):
        for u in range(1, stage.units + 1):
            window, stepped = scale.window(u), {"strides": 1, "dilation_rate": scale.dilation}
            unit = Bottleneck(
                channels=truncated(stage.channels, alpha),
                strides=window["strides"],
                windows=({"strides": window["strides"]}, stepped) if strided_conv == 1 else ({}, window),
                use_bias=use_bias,
                drop_path=next(rates),
                place=f"stage{s}_unit{u}",
            )
            x = _bottleneck(net, x, unit, projects=u == 1)
    return x


@dataclasses.dataclass(frozen=True)
class Bottleneck:
    """One unit: its channels, its stride and the windows of the two convolutions that may have it, where it stands."""

    channels: int
    strides: int
    windows: tuple[dict[str, int], dict[str, int]]
    use_bias: bool
    drop_path: float
    place: str


def _bottleneck(net: Blocks, inputs: Any, unit: Bottleneck, *, projects: bool) -> Any:
    place, bias, wide, shortcut = unit.place, unit.use_bias, EXPANSION * unit.channels, inputs
    if projects:
        shortcut = net.conv_bn(
            inputs, wide, 1, strides=unit.strides, use_bias=bias, activation=None, name=f"{place}_projection"
        )
    first, second = unit.windows
    x = net.conv_bn(inputs, unit.channels, 1, **first, use_bias=bias, activation="relu", name=f"{place}_conv1")
    x = net.slot_bn(x, unit.channels, 3, **second, use_bias=bias, activation="relu", name=f"{place}_conv2")
    x = net.conv_bn(x, wide, 1, use_bias=bias, activation=None, name=f"{place}_conv3")
    x = net.drop_path(x, unit.drop_path, name=place)
    return net.activation(net.add(shortcut, x, name=place), "relu", name=place)


def keras_names() -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.ResNet50`."""
    names = {"stem": "conv1_conv", "stem_bn": "conv1_bn", "predictions": "predictions"}
    parts = ("projection", "conv1", "conv2", "conv3")
    for s, stage in enumerate(STAGES, start=1):
        for u in range(1, stage.units + 1):
            for number, part in enumerate(parts):
                names[f"stage{s}_unit{u}_{part}"] = f"conv{s + 1}_block{u}_{number}_conv"
                names[f"stage{s}_unit{u}_{part}_bn"] = f"conv{s + 1}_block{u}_{number}_bn"
    return names
