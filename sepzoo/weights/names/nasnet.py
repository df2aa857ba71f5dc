"""NASNet's layers in `keras.applications`."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.weights.names.bottleneck import stage_and_unit

_NORMAL = {part: part for part in ("left1", "right1", "left2", "right2", "left5")}
_REDUCTION = {**{part: part for part in ("left1", "right1", "right2", "right3")}, "left5": "left4"}


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.NASNetMobile` and `NASNetLarge`."""
    names = {"stem": "stem_conv1", "stem_bn": "stem_bn1", "predictions": "predictions"}
    for number in (1, 2):
        names |= _cell(f"stem_cell{number}", f"stem_{number}", reduces=True)
    numbers = [stage_and_unit(place) for place in places]
    units = sum(stage == 1 for stage, _unit in numbers)
    for place, (stage, unit) in zip(places, numbers, strict=True):
        before = units * (stage - 1)
        if stage > 1 and unit == 1:
            names |= _cell(place, f"reduce_{before}", reduces=True)
        else:
            names |= _cell(place, f"{before + unit - 1}", reduces=False)
    return names


def _cell(ours: str, theirs: str, *, reduces: bool) -> dict[str, str]:
    kind, parts = ("reduction", _REDUCTION) if reduces else ("normal", _NORMAL)
    names = {f"{ours}_input": f"{kind}_conv_1_{theirs}", f"{ours}_input_bn": f"{kind}_bn_1_{theirs}"}
    names |= {f"{ours}_before": f"adjust_conv_projection_{theirs}", f"{ours}_before_bn": f"adjust_bn_{theirs}"}
    for number in (1, 2):
        names[f"{ours}_before_conv{number}"] = f"adjust_conv_{number}_{theirs}"
        for part, called in parts.items():
            block = f"{kind}_{called}_{theirs}"
            names[f"{ours}_{part}_conv{number}"] = f"separable_conv_{number}_{block}"
            names[f"{ours}_{part}_conv{number}_bn"] = f"separable_conv_{number}_bn_{block}"
    return names
