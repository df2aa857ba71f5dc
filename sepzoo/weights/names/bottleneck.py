"""One bottleneck's layers, of MobileNetV2 and V3, in the `bsconv` package and timm."""

from __future__ import annotations


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
