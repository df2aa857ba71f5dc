"""Xception: separable convolutions with residual connections (Chollet, CVPR 2017, arXiv 1610.02357, fig. 5)."""

from __future__ import annotations

import dataclasses
from typing import Any

from sepzoo.layers.builder import Blocks
from sepzoo.layers.drop_path import drop_rates
from sepzoo.layers.factorization import separable
from sepzoo.layers.resolution import Resolution, resolutions
from sepzoo.layers.width import truncated


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


def xception(
    net: Blocks,
    x: Any,
    *,
    alpha: float = 1.0,
    residual: bool = True,
    output_stride: int | None = None,
    drop_path: float = 0.0,
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each separable convolution.
        x: images.
        alpha: width; every channel number is multiplied by it and truncated.
        residual: whether there are shortcuts (without: the paper's sec. 4.7).
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides. Max pooling
            knows no dilation, so under 16 the last one sees nearer neighbours than it does when strided.
        drop_path: rate of stochastic depth at the last shortcut, growing from 0 at the first.
    """
    kind = net.factorization or separable()

    def width(channels: int) -> int:
        return truncated(channels, alpha)

    for c, channels in enumerate(STEM, start=1):
        stem: dict[str, Any] = {"strides": 2 if c == 1 else 1, "padding": "valid", "activation": "relu"}
        x = net.conv_bn(x, width(channels), 3, **stem, name=f"stem_conv{c}")
    scales = resolutions(2, (2,) * len(STAGES), output_stride)
    rates = iter(drop_rates(drop_path, sum(map(len, STAGES))))
    for s, (modules, scale) in enumerate(zip(STAGES, scales, strict=True), start=1):
        for u, module in enumerate(modules, start=1):
            place, inputs, rate = f"stage{s}_unit{u}", x, next(rates)
            inside: dict[str, Any] = {"dilation_rate": scale.window(u)["dilation_rate"], "activation": None}
            for c, channels in enumerate(module.channels, start=1):
                if (s, u, c) != (1, 1, 1):  # the stem has just ended in one
                    x = net.activation(x, "relu", name=f"{place}_conv{c}")
                x = net.factorized_bn(x, kind, width(channels), 3, **inside, name=f"{place}_conv{c}")
            if module.pool:
                x = net.max_pool(x, 3, strides=scale.strides, signed=True, name=f"{place}_pool")
            if residual:
                x = _shortcut(net, inputs, net.drop_path(x, rate, name=place), module, scale, place)
    for c, channels in enumerate(FINAL, start=1):
        final: dict[str, Any] = {"dilation_rate": scales[-1].dilation, "activation": "relu"}
        x = net.factorized_bn(x, kind, width(channels), 3, **final, name=f"final_conv{c}")
    return x


def _shortcut(net: Blocks, inputs: Any, x: Any, module: Module, scale: Resolution, place: str) -> Any:
    if module.pool:
        channels, strides = x.shape[-1], scale.strides
        inputs = net.conv_bn(inputs, channels, 1, strides=strides, activation=None, name=f"{place}_projection")
    return net.add(x, inputs, name=place)  # in this order, which is that of the layers in Keras's weight files


def keras_names() -> dict[str, str]:
    """Return, for each of our layers with weights that has a name there, the layer of `keras.applications.Xception`."""
    names = {"predictions": "predictions"}
    for c, _ in enumerate(STEM, start=1):
        names[f"stem_conv{c}"] = f"block1_conv{c}"
        names[f"final_conv{c}"] = f"block14_sepconv{c}"
    places = [(f"stage{s}_unit{u}", m) for s, modules in enumerate(STAGES, 1) for u, m in enumerate(modules, 1)]
    for block, (place, module) in enumerate(places, start=2):
        for c, _ in enumerate(module.channels, start=1):
            names[f"{place}_conv{c}"] = f"block{block}_sepconv{c}"
    return names | {f"{ours}_bn": f"{theirs}_bn" for ours, theirs in names.items() if ours != "predictions"}


def timm_names() -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `legacy_xception`."""
    names = {"predictions": "fc"}
    for c, _ in enumerate(STEM, start=1):
        names |= {f"stem_conv{c}": f"conv{c}", f"stem_conv{c}_bn": f"bn{c}"}
    convolutions = {f"final_conv{c}": (f"conv{c + 2}", f"bn{c + 2}") for c, _ in enumerate(FINAL, start=1)}
    places = [(f"stage{s}_unit{u}", m) for s, modules in enumerate(STAGES, 1) for u, m in enumerate(modules, 1)]
    for block, (place, module) in enumerate(places, start=1):
        names |= {f"{place}_projection": f"block{block}.skip", f"{place}_projection_bn": f"block{block}.skipbn"}
        for c, _ in enumerate(module.channels):
            rep = 3 * c + (block > 1)  # behind its ReLU, which the first block has none of
            convolutions[f"{place}_conv{c + 1}"] = (f"block{block}.rep.{rep}", f"block{block}.rep.{rep + 1}")
    for ours, (conv, norm) in convolutions.items():
        names |= {f"{ours}/depthwise_kernel": f"{conv}.conv1", f"{ours}/pointwise_kernel": f"{conv}.pointwise"}
        names[f"{ours}_bn"] = norm
    return names
