"""EfficientNet's layers in `keras.applications`, and those of EfficientNet-Lite in timm."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.weights.names.bottleneck import stage_and_unit, timm_bottlenecks

_PARTS = {  # ours: Keras's convolution, and its batch normalization
    "expand": ("expand_conv", "expand_bn"),
    "depthwise": ("dwconv", "bn"),
    "project": ("project_conv", "project_bn"),
}


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.EfficientNetB0` and its kin."""
    names = {"input_normalization": "normalization*", "predictions": "predictions"}
    for ours, theirs in (("stem", "stem"), ("final", "top")):
        names |= {ours: f"{theirs}_conv", f"{ours}_bn": f"{theirs}_bn"}
    for place in places:
        stage, unit = stage_and_unit(place)
        block = f"block{stage}{chr(ord('a') + unit - 1)}_"
        for part, (conv, batch_norm) in _PARTS.items():
            names |= {f"{place}_{part}": f"{block}{conv}", f"{place}_{part}_bn": f"{block}{batch_norm}"}
        names |= {f"{place}_squeeze_{part}": f"{block}se_{part}" for part in ("reduce", "expand")}
    return names


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `tf_efficientnet_lite0` and its kin."""
    return timm_bottlenecks(places)
