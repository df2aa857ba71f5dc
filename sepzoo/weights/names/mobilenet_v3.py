"""MobileNetV3's layers in `keras.applications`, the `bsconv` package and timm."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.applications.mobilenet_v3 import LARGE, SMALL
from sepzoo.weights.names.bottleneck import bsconv_bottleneck, timm_bottleneck


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.MobileNetV3Large` and `Small`."""
    names = {"stem": "conv", "stem_bn": "conv_bn", "final": "conv_1", "final_bn": "conv_1_bn"}
    for block, place in enumerate(places):
        prefix = f"expanded_conv_{block}" if block else "expanded_conv"
        for part in ("expand", "depthwise", "project"):
            names |= {f"{place}_{part}": f"{prefix}_{part}", f"{place}_{part}_bn": f"{prefix}_{part}_bn"}
        for part, conv in (("reduce", "conv"), ("expand", "conv_1")):
            names[f"{place}_squeeze_{part}"] = f"{prefix}_squeeze_excite_{conv}"
    return {**names, "hidden": "conv_2", "logits": "logits"}


def bsconv_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of the `bsconv` package's MobileNetV3."""
    names = {"input_bn": "backbone.data_bn", "hidden": "backbone.final_conv2.conv", "predictions": "classifier.conv"}
    names |= {"final_squeeze_reduce": "backbone.final_se.conv1", "final_squeeze_expand": "backbone.final_se.conv2"}
    for ours, theirs in (("stem", "backbone.init_conv"), ("final", "backbone.final_conv1")):
        names |= {ours: f"{theirs}.conv", f"{ours}_bn": f"{theirs}.bn"}
    for place in places:
        names |= bsconv_bottleneck(place)
    return names


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `mobilenetv3_large_100` and its kin."""
    rows = [row for stage in (LARGE if len(places) == 15 else SMALL).stages for row in stage.rows]
    blocks = [f"blocks.{r}.{u}" for r, row in enumerate(rows) for u, _ in enumerate(row.mids)]
    names = {"stem": "conv_stem", "stem_bn": "bn1", "hidden": "conv_head", "logits": "classifier"}
    names |= {"final": f"blocks.{len(rows)}.0.conv", "final_bn": f"blocks.{len(rows)}.0.bn1"}
    for place, block in zip(places, blocks, strict=False):
        names |= timm_bottleneck(place, block, expands=block != blocks[0])
    return names
