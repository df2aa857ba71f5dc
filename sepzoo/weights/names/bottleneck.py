"""An inverted bottleneck's layers in the `bsconv` package and timm."""

from __future__ import annotations

import re
from collections.abc import Sequence


def bsconv_bottleneck(place: str) -> dict[str, str]:
    """Return the `bsconv` package's names of one bottleneck's layers."""
    module = "backbone." + place.replace("_", ".")
    names = {
        f"{place}_squeeze_{part}": f"{module}.se_unit.{conv}"
        for part, conv in (("reduce", "conv1"), ("expand", "conv2"))
    }
    for part, conv in (("expand", "conv1"), ("depthwise", "conv2"), ("project", "conv3")):
        names |= {f"{place}_{part}": f"{module}.{conv}.conv", f"{place}_{part}_bn": f"{module}.{conv}.bn"}
    return names


def timm_bottleneck(place: str, block: str, *, expands: bool) -> dict[str, str]:
    """Return timm's names of one bottleneck's layers."""
    parts = [("expand", "conv_pw")] if expands else []
    parts += [("depthwise", "conv_dw"), ("project", "conv_pwl" if expands else "conv_pw")]
    names = {f"{place}_{part}": f"{block}.{module}" for part, module in parts}
    names |= {f"{place}_{part}_bn": f"{block}.bn{number}" for number, (part, _) in enumerate(parts, start=1)}
    return names | {f"{place}_squeeze_{part}": f"{block}.se.conv_{part}" for part in ("reduce", "expand")}


def timm_bottlenecks(places: Sequence[str]) -> dict[str, str]:
    """Return timm's names of a whole network of such bottlenecks, each stage a row, of which the first expands none."""
    names = {
        "stem": "conv_stem",
        "stem_bn": "bn1",
        "final": "conv_head",
        "final_bn": "bn2",
        "predictions": "classifier",
    }
    for place in places:
        stage, unit = stage_and_unit(place)
        names |= timm_bottleneck(place, f"blocks.{stage - 1}.{unit - 1}", expands=stage > 1)
    return names


def stage_and_unit(place: str) -> tuple[int, int]:
    """Return the numbers in the name of a place, from 1.

    Example:
        >>> stage_and_unit("stage2_unit13")
        (2, 13)
    """
    stage, unit = re.findall(r"\d+", place)
    return int(stage), int(unit)
