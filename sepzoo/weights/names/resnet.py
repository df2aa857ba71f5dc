"""The ResNets' layers in the `bsconv` package, timm and torchvision."""

from __future__ import annotations

from collections.abc import Sequence


def bsconv_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of the `bsconv` package's ResNet."""
    names = {
        "input_bn": "backbone.data_bn",
        **_slot_names("stem", "backbone.init_unit.conv"),
        "final_bn": "backbone.final_activation.bn",
        "predictions": "classifier.conv",
    }
    for place in places:
        module = "backbone." + place.replace("_", ".")
        names[f"{place}_bn"] = f"{module}.bn"
        for part in ("conv1", "conv2", "projection"):
            names |= _slot_names(f"{place}_{part}", f"{module}.{part}")
    return names


def _slot_names(ours: str, theirs: str) -> dict[str, str]:
    factors = {
        "pointwise": "pw",
        "pointwise_bn": "bn",
        "pointwise_1": "pw1",
        "pointwise_1_bn": "bn1",
        "pointwise_2": "pw2",
        "pointwise_2_bn": "bn2",
        "depthwise": "dw",
    }
    inside = {f"{ours}/{factor}": f"{theirs}.conv.{module}" for factor, module in factors.items()}
    return {ours: f"{theirs}.conv", f"{ours}_bn": f"{theirs}.bn", **inside}


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's and torchvision's ResNets."""
    names = {"stem": "conv1", "stem_bn": "bn1", "predictions": "fc"}
    for place in places:
        stage, unit = place.removeprefix("stage").split("_unit")
        block = f"layer{stage}.{int(unit) - 1}"
        names |= {f"{place}_projection": f"{block}.downsample.0", f"{place}_projection_bn": f"{block}.downsample.1"}
        for conv in ("1", "2", "3"):
            names |= {f"{place}_conv{conv}": f"{block}.conv{conv}", f"{place}_conv{conv}_bn": f"{block}.bn{conv}"}
    return names
