"""GhostNet's layers in timm."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.weights.names.bottleneck import stage_and_unit


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `ghostnet_100` and its kin."""
    names = {"stem": "conv_stem", "stem_bn": "bn1", "hidden": "conv_head", "predictions": "classifier"}
    for place in places:
        stage, unit = stage_and_unit(place)
        block = f"blocks.{stage - 1}.{unit - 1}"
        for number in (1, 2):
            for part, module in (("pointwise", "primary_conv"), ("shadow", "cheap_operation")):
                layer, theirs = f"{place}_ghost{number}_{part}", f"{block}.ghost{number}.{module}"
                names |= {layer: f"{theirs}.0", f"{layer}_bn": f"{theirs}.1"}
        names |= {f"{place}_depthwise": f"{block}.conv_dw", f"{place}_depthwise_bn": f"{block}.bn_dw"}
        names |= {f"{place}_squeeze_{part}": f"{block}.se.conv_{part}" for part in ("reduce", "expand")}
        for position, layer in enumerate(("depthwise", "depthwise_bn", "project", "project_bn")):
            names[f"{place}_shortcut_{layer}"] = f"{block}.shortcut.{position}"
    last = max((stage_and_unit(place)[0] for place in places), default=0)
    return names | {"final": f"blocks.{last}.0.conv", "final_bn": f"blocks.{last}.0.bn1"}
