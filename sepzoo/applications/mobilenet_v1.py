"""MobileNetV1: a stack of depthwise separable convolutions (Howard et al. 2017, arXiv 1704.04861, table 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sepzoo.layers.builder import Blocks
from sepzoo.layers.heads import conv_head, dense_head
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: the channels of its units; the first unit may be strided."""

    channels: tuple[int, ...]


STEM = 32
STAGES = (
    Stage((64,)),
    Stage((128, 128)),
    Stage((256, 256)),
    Stage((512,) * 6),
    Stage((1024, 1024)),
)


def mobilenet_v1(
    net: Blocks,
    x: Any,
    *,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    activation: str = "relu6",
    stem_strides: int = 2,
    strides: Sequence[int] = (1, 2, 2, 2, 2),
    output_stride: int | None = None,
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: whole units.
        x: images.
        alpha: width; every channel number is multiplied by it and truncated.
        depth_multiplier: depthwise filters for each channel of the units' own form.
        activation: "relu6" (Keras), "relu" (the BSConv authors).
        stem_strides: of the first convolution.
        strides: of each stage's first unit.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
    """
    x = net.conv_bn(x, truncated(STEM, alpha), 3, strides=stem_strides, activation=activation, name="stem")
    for s, (stage, scale) in enumerate(zip(STAGES, resolutions(stem_strides, strides, output_stride), strict=True), 1):
        for u, channels in enumerate(stage.channels, start=1):
            unit = {**scale.window(u), "activation": activation}
            x = _unit(net, x, truncated(channels, alpha), depth_multiplier, f"stage{s}_unit{u}", unit)
    return x


def _unit(net: Blocks, x: Any, channels: int, depth_multiplier: int, place: str, unit: dict[str, Any]) -> Any:
    kind = net.factorization
    if kind is not None and not (kind.kind == "separable" and kind.batch_norm):
        return net.factorized_bn(x, kind, channels, 3, name=f"{place}_conv", **unit)
    x = net.depthwise_bn(x, 3, depth_multiplier=depth_multiplier, name=f"{place}_depthwise", **unit)
    return net.conv_bn(x, channels, 1, activation=unit["activation"], name=f"{place}_pointwise")


def head(net: Blocks, x: Any, *, classes: int, activation: Any, dropout: float = 1e-3, classifier: str = "conv") -> Any:
    """Return the class scores: a 1 x 1 convolution ("conv", Keras) or a dense layer ("dense", the BSConv authors)."""
    if classifier == "conv":
        return conv_head(net, x, classes=classes, activation=activation, dropout=dropout)
    return dense_head(net, x, classes=classes, activation=activation)


def keras_names() -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.MobileNet`."""
    names = {"stem": "conv1", "stem_bn": "conv1_bn", "logits": "conv_preds"}
    places = [f"stage{s}_unit{u}" for s, stage in enumerate(STAGES, 1) for u, _ in enumerate(stage.channels, 1)]
    for block, place in enumerate(places, start=1):
        for ours, theirs in (("depthwise", "dw"), ("pointwise", "pw")):
            names[f"{place}_{ours}"] = f"conv_{theirs}_{block}"
            names[f"{place}_{ours}_bn"] = f"conv_{theirs}_{block}_bn"
    return names


def bsconv_names() -> dict[str, str]:
    """Return, for each of our layers with weights, the module of the `bsconv` package's MobileNetV1."""
    names = {
        "input_bn": "backbone.data_bn",
        "stem": "backbone.init_conv.conv",
        "stem_bn": "backbone.init_conv.bn",
        "predictions": "classifier.conv",
    }
    for s, stage in enumerate(STAGES, start=1):
        for u, _ in enumerate(stage.channels, start=1):
            ours, theirs = f"stage{s}_unit{u}", f"backbone.stage{s}.unit{u}"
            for part, module in (("depthwise", "conv_dw"), ("pointwise", "conv_pw")):
                names[f"{ours}_{part}"] = f"{theirs}.{module}.conv"
                names[f"{ours}_{part}_bn"] = f"{theirs}.{module}.bn"
            names[f"{ours}_conv/pointwise"] = f"{theirs}.0.pw"
            names[f"{ours}_conv/depthwise"] = f"{theirs}.0.dw"
            names[f"{ours}_conv_bn"] = f"{theirs}.1"
    return names


def timm_names() -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `mobilenetv1_100`."""
    names = {"stem": "conv_stem", "stem_bn": "bn1", "logits": "classifier", "predictions": "classifier"}
    for s, stage in enumerate(STAGES):
        for u, _ in enumerate(stage.channels):
            ours, theirs = f"stage{s + 1}_unit{u + 1}", f"blocks.{s}.{u}"
            names |= {f"{ours}_depthwise": f"{theirs}.conv_dw", f"{ours}_depthwise_bn": f"{theirs}.bn1"}
            names |= {f"{ours}_pointwise": f"{theirs}.conv_pw", f"{ours}_pointwise_bn": f"{theirs}.bn2"}
    return names
