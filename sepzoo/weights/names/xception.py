"""Xception's layers in `keras.applications` and timm."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.applications.xception import FINAL, STAGES, STEM

MODULES = [module for modules in STAGES for module in modules]


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights that has a name there, the layer of `keras.applications.Xception`."""
    names = {"predictions": "predictions"}
    for c, _ in enumerate(STEM, start=1):
        names[f"stem_conv{c}"] = f"block1_conv{c}"
        names[f"final_conv{c}"] = f"block14_sepconv{c}"
    for block, (place, module) in enumerate(zip(places, MODULES, strict=False), start=2):
        for c, _ in enumerate(module.channels, start=1):
            names[f"{place}_conv{c}"] = f"block{block}_sepconv{c}"
    return names | {f"{ours}_bn": f"{theirs}_bn" for ours, theirs in names.items() if ours != "predictions"}


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `legacy_xception`."""
    names = {"predictions": "fc"}
    for c, _ in enumerate(STEM, start=1):
        names |= {f"stem_conv{c}": f"conv{c}", f"stem_conv{c}_bn": f"bn{c}"}
    convolutions = {f"final_conv{c}": (f"conv{c + 2}", f"bn{c + 2}") for c, _ in enumerate(FINAL, start=1)}
    for block, (place, module) in enumerate(zip(places, MODULES, strict=False), start=1):
        names |= {f"{place}_projection": f"block{block}.skip", f"{place}_projection_bn": f"block{block}.skipbn"}
        for c, _ in enumerate(module.channels):
            rep = 3 * c + (block > 1)  # behind its ReLU, which the first block has none of
            convolutions[f"{place}_conv{c + 1}"] = (f"block{block}.rep.{rep}", f"block{block}.rep.{rep + 1}")
    for ours, (conv, norm) in convolutions.items():
        names |= {f"{ours}/depthwise_kernel": f"{conv}.conv1", f"{ours}/pointwise_kernel": f"{conv}.pointwise"}
        names[f"{ours}_bn"] = norm
    return names
