"""MobileNetV2's layers in `keras.applications`, the `bsconv` package and timm."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.applications.mobilenet_v2 import STAGES
from sepzoo.weights.names.bottleneck import bsconv_bottleneck, timm_bottleneck


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.MobileNetV2`."""
    names = {"stem": "Conv1", "stem_bn": "bn_Conv1", "final": "Conv_1", "final_bn": "Conv_1_bn"}
    for block, place in enumerate(places):
        prefix = f"block_{block}" if block else "expanded_conv"
        for part in ("expand", "depthwise", "project"):
            names[f"{place}_{part}"] = f"{prefix}_{part}"
            names[f"{place}_{part}_bn"] = f"{prefix}_{part}_BN"
    return {**names, "predictions": "predictions"}


def bsconv_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of the `bsconv` package's MobileNetV2."""
    names = {
        "input_bn": "backbone.data_bn",
        "stem": "backbone.init_conv.conv",
        "stem_bn": "backbone.init_conv.bn",
        "final": "backbone.final_conv.conv",
        "final_bn": "backbone.final_conv.bn",
        "predictions": "classifier.conv",
    }
    for place in places:
        names |= bsconv_bottleneck(place)
    return names


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `mobilenetv2_100`."""
    names = {"stem": "conv_stem", "stem_bn": "bn1", "final": "conv_head", "final_bn": "bn2"}
    rows = [row for rows in STAGES for row in rows]
    blocks = [(f"blocks.{r}.{u}", row.expansion > 1) for r, row in enumerate(rows) for u in range(row.units)]
    for place, (block, expands) in zip(places, blocks, strict=True):
        names |= timm_bottleneck(place, block, expands=expands)
    return {**names, "predictions": "classifier"}
