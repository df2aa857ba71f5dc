"""WideResNet: its names and forms."""

from __future__ import annotations

import re

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.authors import authors_spec
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.naming import VARIANT, VARIANTS, depth_error, variant_of
from sepzoo.support.errors import SepzooError

WIDTHS = {  # depth: listed widths
    16: (1, 2, 4, 6, 8, 10, 12),
    28: (1, 2, 3, 4, 6, 8, 10, 12),
    40: (1, 2, 3, 4, 6, 8, 10, 12),
}


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name, or would at another depth."""
    match = re.fullmatch(rf"cifar_wrn(?P<depth>\d+)_(?P<width>\d+){VARIANT}", name)
    if match is None:
        return None
    depth, width = int(match["depth"]), int(match["width"])
    if depth < 10 or depth % 6 != 4:
        raise depth_error(match, "6n+4", range(10, depth + 14, 6))
    if width < 1:
        start, end = match.span("width")
        raise SepzooError(
            f"{name}: expected a width of at least 1. Received: {width}. The nearest: {name[:start]}1{name[end:]}."
        )
    return authors_spec(
        name,
        {"units": (depth - 4) // 6, "width": width},
        cifar=True,
        **variant_of(match),
    )


FAMILY = Family(
    name="wide_resnet",
    paper=Paper(
        title="Wide Residual Networks",
        authors="Zagoruyko and Komodakis",
        venue="BMVC 2016",
        arxiv="1605.07146",
    ),
    body="sepzoo.applications.wide_resnet:wide_resnet",
    slots={**{kind: {} for kind in PRESETS}, "bsconv_s": {"batch_norm": True}},
    slot="each 3 x 3 convolution, the first included",
    listed=tuple(
        spec
        for depth, widths in WIDTHS.items()
        for width in widths
        for variant in VARIANTS
        if (spec := _authors_form(f"cifar_wrn{depth}_{width}{variant}"))
    ),
    parse=_authors_form,
    weight_names={"bsconv": "sepzoo.applications.resnet:bsconv_names"},
)
