"""ResNet-50's layers in `keras.applications`; in timm they are called as those of the other ResNets."""

from __future__ import annotations

from collections.abc import Sequence


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.ResNet50`."""
    names = {"stem": "conv1_conv", "stem_bn": "conv1_bn", "predictions": "predictions"}
    parts = ("projection", "conv1", "conv2", "conv3")
    for place in places:
        stage, unit = place.removeprefix("stage").split("_unit")
        for number, part in enumerate(parts):
            block = f"conv{int(stage) + 1}_block{unit}_{number}"
            names |= {f"{place}_{part}": f"{block}_conv", f"{place}_{part}_bn": f"{block}_bn"}
    return names
