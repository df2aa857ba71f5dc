"""Xception: separable convolutions with residual connections (Chollet, CVPR 2017, arXiv 1610.02357, fig. 5)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sepzoo.layers.drop_rates import drop_rates
from sepzoo.layers.factorization import PRESETS, separable
from sepzoo.layers.resolution import Resolution, resolutions
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.support.types import Kwargs, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Module:
    """Some convolutions, each behind a ReLU, beside a shortcut; those that `pool` end in a max pooling.

    The shortcut is the input itself, or for a module that pools a strided 1 x 1 convolution of it.
    """

    channels: tuple[int, ...]
    pool: bool = False


STEM = (32, 64)
STAGES = (  # a stage is a resolution
    (Module((128, 128), pool=True),),  # entry flow
    (Module((256, 256), pool=True),),
    (Module((728, 728), pool=True), *(Module((728, 728, 728)),) * 8),  # its end, and the middle flow
    (Module((728, 1024), pool=True),),  # exit flow
)
FINAL = (1536, 2048)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        alpha: width; every channel number is multiplied by it and truncated.
        residual: whether there are shortcuts (without: the paper's sec. 4.7).
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides. Max pooling
            knows no dilation, so under 16 the last one sees nearer neighbours than it does when strided.
        drop_path: rate of stochastic depth at the last shortcut, growing from 0 at the first.
        dropout: rate in front of the classifier.
    """

    alpha: Width = 1.0
    residual: bool = True
    output_stride: OutputStride = None
    drop_path: Rate = 0.0
    dropout: Rate = 0.0


def xception(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each separable convolution."""
    kind = net.factorization or separable()

    def width(channels: int) -> int:
        return truncated(channels, arguments.alpha)

    for c, channels in enumerate(STEM, start=1):
        stem: Kwargs = {"strides": 2 if c == 1 else 1, "padding": "valid", "activation": "relu"}
        x = net.conv_bn(x, width(channels), 3, **stem, name=f"stem_conv{c}")
    scales = resolutions(2, (2,) * len(STAGES), arguments.output_stride)
    rates = iter(drop_rates(arguments.drop_path, sum(map(len, STAGES))))
    for s, (modules, scale) in enumerate(zip(STAGES, scales, strict=True), start=1):
        for u, module in enumerate(modules, start=1):
            place, inputs, rate = f"stage{s}_unit{u}", x, next(rates)
            inside: Kwargs = {"dilation_rate": scale.window(u)["dilation_rate"], "activation": None}
            for c, channels in enumerate(module.channels, start=1):
                if (s, u, c) != (1, 1, 1):  # the stem has just ended in one
                    x = net.activation(x, "relu", name=f"{place}_conv{c}")
                x = net.factorized_bn(x, kind, width(channels), 3, **inside, name=f"{place}_conv{c}")
            if module.pool:
                x = net.max_pool(x, 3, strides=scale.strides, signed=True, name=f"{place}_pool")
            if arguments.residual:
                x = _shortcut(net, inputs, net.drop_path(x, rate, name=place), module, scale, place)
    for c, channels in enumerate(FINAL, start=1):
        final: Kwargs = {"dilation_rate": scales[-1].dilation, "activation": "relu"}
        x = net.factorized_bn(x, kind, width(channels), 3, **final, name=f"final_conv{c}")
    return x


def _shortcut(net: LayerBuilder, inputs: Tensor, x: Tensor, module: Module, scale: Resolution, place: str) -> Tensor:
    if module.pool:
        channels, strides = x.shape[-1], scale.strides
        inputs = net.conv_bn(inputs, channels, 1, strides=strides, activation=None, name=f"{place}_projection")
    return net.add(x, inputs, name=place)  # in this order, which is that of the layers in Keras's weight files


_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/xception/xception_weights_tf_dim_ordering_tf_kernels"
)
_FORM = {"alpha": 1.0, "residual": True}

FAMILY = Family(
    name="xception",
    paper=Paper(
        title="Xception: Deep Learning with Depthwise Separable Convolutions",
        authors="Chollet",
        venue="CVPR 2017",
        arxiv="1610.02357",
    ),
    arguments=Arguments,
    body=xception,
    slots={kind: {} for kind in PRESETS},
    replaces="each of the 34 separable convolutions",
    listed=(ModelSpec("xception", input_shape=(299, 299, 3), minimum_size=71),),
    weights=(
        WeightFile(_FORM, 299, True, f"{_URL}.h5", "0a58e3b7378bc2990ea3b43d5981f1f6"),
        WeightFile(_FORM, 299, False, f"{_URL}_notop.h5", "b0042744bf5b25fce3cb969f33bebb97"),
    ),
    weights_licence="MIT",
)
