"""MobileNetV4's layers in timm."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.weights.names.bottleneck import stage_and_unit

_PARTS = {  # ours: timm's convolution, and its batch normalization
    "conv": ("conv", "bn1"),
    "fused": ("conv_exp", "bn1"),
    "fused_project": ("conv_pwl", "bn2"),
    "start": ("dw_start.conv", "dw_start.bn"),
    "expand": ("pw_exp.conv", "pw_exp.bn"),
    "depthwise": ("dw_mid.conv", "dw_mid.bn"),
    "project": ("pw_proj.conv", "pw_proj.bn"),
}


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `mobilenetv4_conv_small` and its kin."""
    names = {"stem": "conv_stem", "stem_bn": "bn1", "predictions": "classifier"}
    names |= {"hidden": "conv_head", "hidden_bn": "norm_head"}
    for place in places:
        stage, unit = stage_and_unit(place)
        block = f"blocks.{stage - 1}.{unit - 1}"
        for part, (conv, batch_norm) in _PARTS.items():
            names |= {f"{place}_{part}": f"{block}.{conv}", f"{place}_{part}_bn": f"{block}.{batch_norm}"}
    last = max((stage_and_unit(place)[0] for place in places), default=0)
    return names | {"final": f"blocks.{last}.0.conv", "final_bn": f"blocks.{last}.0.bn1"}
