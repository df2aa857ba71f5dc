"""MobileNetV1's layers in `keras.applications`, the `bsconv` package and timm."""

from __future__ import annotations

from collections.abc import Sequence


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.MobileNet`."""
    names = {"stem": "conv1", "stem_bn": "conv1_bn", "logits": "conv_preds"}
    for block, place in enumerate(places, start=1):
        for ours, theirs in (("depthwise", "dw"), ("pointwise", "pw")):
            names[f"{place}_{ours}"] = f"conv_{theirs}_{block}"
            names[f"{place}_{ours}_bn"] = f"conv_{theirs}_{block}_bn"
    return names


def bsconv_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of the `bsconv` package's MobileNetV1."""
    names = {
        "input_bn": "backbone.data_bn",
        "stem": "backbone.init_conv.conv",
        "stem_bn": "backbone.init_conv.bn",
        "predictions": "classifier.conv",
    }
    for place in places:
        module = "backbone." + place.replace("_", ".")
        for part, conv in (("depthwise", "conv_dw"), ("pointwise", "conv_pw")):
            names |= {f"{place}_{part}": f"{module}.{conv}.conv", f"{place}_{part}_bn": f"{module}.{conv}.bn"}
        names |= {f"{place}_conv/pointwise": f"{module}.0.pw", f"{place}_conv/depthwise": f"{module}.0.dw"}
        names[f"{place}_conv_bn"] = f"{module}.1"
    return names


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `mobilenetv1_100`."""
    names = {"stem": "conv_stem", "stem_bn": "bn1", "logits": "classifier", "predictions": "classifier"}
    for place in places:
        stage, unit = place.removeprefix("stage").split("_unit")
        block = f"blocks.{int(stage) - 1}.{int(unit) - 1}"
        names |= {f"{place}_depthwise": f"{block}.conv_dw", f"{place}_depthwise_bn": f"{block}.bn1"}
        names |= {f"{place}_pointwise": f"{block}.conv_pw", f"{place}_pointwise_bn": f"{block}.bn2"}
    return names
