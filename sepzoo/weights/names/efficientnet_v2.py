"""EfficientNetV2's layers in `keras.applications` and timm."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.weights.names.bottleneck import stage_and_unit

_KERAS = {  # ours: Keras's convolution, and its batch normalization
    "expand": ("expand_conv", "expand_bn"),
    "depthwise": ("dwconv2", "bn"),
    "project": ("project_conv", "project_bn"),
}
_TIMM = {
    "expand": ("conv_pw", "bn1"),
    "depthwise": ("conv_dw", "bn2"),
    "fused": ("conv_exp", "bn1"),
}


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.EfficientNetV2B0` and its kin."""
    names = {"predictions": "predictions"}
    for ours, theirs in (("stem", "stem"), ("final", "top")):
        names |= {ours: f"{theirs}_conv", f"{ours}_bn": f"{theirs}_bn"}
    for place in places:
        stage, unit = stage_and_unit(place)
        block = f"block{stage}{chr(ord('a') + unit - 1)}_"
        parts = {**_KERAS, "fused": _KERAS["project" if stage == 1 else "expand"]}  # the first expands nothing
        for part, (conv, batch_norm) in parts.items():
            names |= {f"{place}_{part}": f"{block}{conv}", f"{place}_{part}_bn": f"{block}{batch_norm}"}
        names |= {f"{place}_squeeze_{part}": f"{block}se_{part}" for part in ("reduce", "expand")}
    return names


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `tf_efficientnetv2_b0` and its kin."""
    names = {"stem": "conv_stem", "stem_bn": "bn1", "final": "conv_head", "final_bn": "bn2"}
    for place in places:
        stage, unit = stage_and_unit(place)
        block = f"blocks.{stage - 1}.{unit - 1}"
        parts = {**_TIMM, "project": ("conv_pwl", "bn2" if stage <= 3 else "bn3")}  # three stages are fused
        if stage == 1:
            parts["fused"] = ("conv", "bn1")
        for part, (conv, batch_norm) in parts.items():
            names |= {f"{place}_{part}": f"{block}.{conv}", f"{place}_{part}_bn": f"{block}.{batch_norm}"}
        names |= {f"{place}_squeeze_{part}": f"{block}.se.conv_{part}" for part in ("reduce", "expand")}
    return {**names, "predictions": "classifier"}
