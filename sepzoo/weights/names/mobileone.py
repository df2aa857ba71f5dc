"""MobileOne's layers in timm."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.weights.names.bottleneck import stage_and_unit

_BRANCHES = 16
"""More than any of timm's networks has; names that a network has no layer for are not looked up."""


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `mobileone_s0` and its kin, with branches."""
    names = {"predictions": "head.fc", **_block("stem", "stem")}
    for place in places:
        stage, unit = stage_and_unit(place)
        for number, part in enumerate(("depthwise", "pointwise")):
            names |= _block(f"{place}_{part}", f"stages.{stage - 1}.{2 * (unit - 1) + number}")
    return names


def _block(ours: str, theirs: str) -> dict[str, str]:
    convolutions = {ours: "conv_kxk.0", f"{ours}_scale": "conv_scale"}
    convolutions |= {f"{ours}_branch{number + 1}": f"conv_kxk.{number}" for number in range(1, _BRANCHES)}
    names = {f"{ours}_skip_bn": f"{theirs}.identity"}
    for layer, module in convolutions.items():
        names |= {layer: f"{theirs}.{module}.conv", f"{layer}_bn": f"{theirs}.{module}.bn"}
    return names | {f"{ours}_squeeze_{part}": f"{theirs}.attn.fc{n}" for n, part in ((1, "reduce"), (2, "expand"))}
