"""ResNet-50: bottlenecks of three convolutions beside a shortcut (He et al., CVPR 2016, arXiv 1512.03385, table 1)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from sepzoo.applications.resnet import PAPER, SLOTS
from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, WeightFile
from sepzoo.records.preprocessing import CAFFE
from sepzoo.support.types import Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: its bottlenecks, whose last convolution is 4 times as wide; the first may be strided."""

    channels: int
    units: int
    strides: int


STEM = 64
STAGES = (Stage(64, 3, 1), Stage(128, 4, 2), Stage(256, 6, 2), Stage(512, 3, 2))
EXPANSION = 4


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        alpha: width; every channel number is multiplied by it and truncated.
        use_bias: whether the convolutions have a bias (Keras), or none (timm, torchvision).
        strided_conv: which convolution of a stage's first bottleneck has the stride: 1, the first 1 x 1 (Keras, the
            paper), or 2, the 3 x 3 (timm, torchvision).
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        drop_path: rate of stochastic depth at the last unit, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    alpha: Width = 1.0
    use_bias: bool = True
    strided_conv: Literal[1, 2] = 1
    output_stride: OutputStride = None
    drop_path: Rate = 0.0
    dropout: Rate = 0.0


def resnet50(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each 3 x 3 convolution."""
    alpha, use_bias = arguments.alpha, arguments.use_bias
    x = net.conv_bn(x, truncated(STEM, alpha), 7, strides=2, use_bias=use_bias, activation="relu", name="stem")
    x = net.max_pool(x, 3, strides=2, name="stem_pool")
    scales = resolutions(4, [stage.strides for stage in STAGES], arguments.output_stride)
    rates = iter(drop_rates(arguments.drop_path, sum(stage.units for stage in STAGES)))
    for s, (stage, scale) in enumerate(zip(STAGES, scales, strict=True), start=1):
        for u in range(1, stage.units + 1):
            window, stepped = scale.window(u), {"strides": 1, "dilation_rate": scale.dilation}
            unit = Bottleneck(
                channels=truncated(stage.channels, alpha),
                strides=window["strides"],
                windows=({"strides": window["strides"]}, stepped) if arguments.strided_conv == 1 else ({}, window),
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


def _bottleneck(net: LayerBuilder, inputs: Tensor, unit: Bottleneck, *, projects: bool) -> Tensor:
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


_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/resnet50_weights_tf_dim_ordering_tf_kernels"

FAMILY = Family(
    name="resnet50",
    paper=PAPER,
    arguments=Arguments,
    body=resnet50,
    slots=SLOTS,
    replaces="the 3 x 3 convolution of each of the 16 bottlenecks",
    listed=(
        ModelSpec("resnet50", arguments={"padding": "symmetric", "batch_norm_epsilon": 1.001e-5}, preprocessing=CAFFE),
    ),
    weights=(
        WeightFile({"alpha": 1.0}, 224, True, f"{_URL}.h5", "2cb95161c43110f7111970584f804107"),
        WeightFile({"alpha": 1.0}, 224, False, f"{_URL}_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"),
    ),
    weights_licence="MIT",
)
