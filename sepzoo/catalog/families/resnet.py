"""ResNet of basic blocks at 224 pixels: its names and forms, post- and pre-activation."""

from __future__ import annotations

import re

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.conventions import BSCONV
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.naming import VARIANT, VARIANTS, depth_error, variant_of
from sepzoo.records.preprocessing import ZERO_TO_ONE

UNITS = {  # depth: units in each stage; 68 and 102 are the authors' own: ResNet-101 and -152 with basic blocks
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    26: (3, 3, 3, 3),
    34: (3, 4, 6, 3),
    68: (3, 4, 23, 3),
    102: (3, 8, 36, 3),
}


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name."""
    match = re.fullmatch(rf"(?P<pre>pre)?resnet(?P<depth>\d+){VARIANT}", name)
    if match is None:
        return None
    units = UNITS.get(int(match["depth"]))
    if units is None:
        raise depth_error(match, ", ".join(map(str, UNITS)), UNITS)
    return ModelSpec(
        name,
        arguments={**BSCONV, "units": units, "preactivation": match["pre"] is not None},
        **variant_of(match),
        preprocessing=ZERO_TO_ONE,
        official=False,
    )


FAMILY = Family(
    name="resnet",
    paper=Paper(
        title="Deep Residual Learning for Image Recognition",
        authors="He et al.",
        venue="CVPR 2016",
        arxiv="1512.03385",
    ),
    body="sepzoo.applications.resnet:resnet",
    slots={**{kind: {} for kind in PRESETS}, "bsconv_s": {"batch_norm": True}},
    slot="each 3 x 3 convolution",
    listed=tuple(
        spec
        for form in ("resnet", "preresnet")
        for depth in UNITS
        for variant in VARIANTS
        if (spec := _authors_form(f"{form}{depth}{variant}"))
    ),
    parse=_authors_form,
    weight_names={
        "bsconv": "sepzoo.applications.resnet:bsconv_names",
        "timm": "sepzoo.applications.resnet:timm_names",
    },
)
