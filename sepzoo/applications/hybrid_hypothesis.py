"""Hybrid hypothesis: nine modules of one convolution of any kind, a reconstruction (Ghosh 2017, arXiv 1701.04489)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras

from sepzoo.layers.builder import Blocks
from sepzoo.layers.factorization import Factorization, factorization
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import divisible, truncated

STEM = 64
EQUAL = (128, 256, 512)
MODULES = 3


def hybrid_hypothesis(
    net: Blocks,
    x: Any,
    *,
    widths: Sequence[int] | Literal["equal"] = "equal",
    width: float = 1.0,
    mid_activation: str | None = None,
    shortcut: bool = False,
    beside: str | Factorization | None = None,
    beside_options: Mapping[str, Any] | None = None,
    output_stride: int | None = None,
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each module.
        x: images.
        widths: channels of the three stages, or "equal" for 128, 256, 512; the names have widths of their own, which
            match their parameters to those of `hybrid_hypothesis_separable`.
        width: every channel number is multiplied by it, and rounded to what the kind's groups divide.
        mid_activation: activation, with batch normalization, between the steps of each convolution; None for neither.
        shortcut: whether each module's input is added to its output, projected where the channels differ.
        beside: second kind of convolution in each module, side by side with the first; each has half of the channels.
        beside_options: the second kind's options.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
    """
    kinds = [net.factorization or factorization("regular")]
    if beside is not None:
        kinds.append(factorization(beside, **(beside_options or {})))
    if mid_activation is not None:
        kinds = [dataclasses.replace(kind, batch_norm=True, activation=mid_activation) for kind in kinds]
    multiple = len(kinds) * math.lcm(*(1 if kind.groups == "channels" else kind.groups for kind in kinds))
    x = net.conv_bn(x, truncated(STEM, width), 3, activation="relu", name="stem")
    stages = EQUAL if widths == "equal" else widths
    for s, (channels, scale) in enumerate(zip(stages, resolutions(1, (1, 2, 2), output_stride), strict=True), start=1):
        if s > 1:
            x = net.max_pool(x, 2, strides=scale.strides, padding="same", name=f"stage{s}_pool")
        filters = divisible(truncated(channels, width), multiple)
        for u in range(1, MODULES + 1):
            x = _module(net, x, kinds, filters, shortcut, scale.dilation, f"stage{s}_unit{u}")
    return x


def _module(
    net: Blocks, x: Any, kinds: Sequence[Factorization], filters: int, shortcut: bool, dilation: int, place: str
) -> Any:
    inputs, share = x, filters // len(kinds)
    names = [f"{place}_{part}" for part in ("conv", "beside")]
    branches = [
        net.factorized(x, kind, share, 3, dilation_rate=dilation, name=name)
        for kind, name in zip(kinds, names, strict=False)
    ]
    x = branches[0] if len(branches) == 1 else keras.layers.Concatenate(name=f"{place}_concat")(branches)
    x = net.batch_norm(x, name=f"{place}_bn")
    if shortcut:
        if inputs.shape[-1] != filters:
            inputs = net.conv_bn(inputs, filters, 1, activation=None, name=f"{place}_projection")
        x = net.add(inputs, x, name=place)
    return net.activation(x, "relu", name=place)
