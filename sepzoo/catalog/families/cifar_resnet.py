"""ResNet for small images: its names and forms, post- and pre-activation."""

from __future__ import annotations

import re

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.authors import authors_spec
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.naming import VARIANT, VARIANTS, depth_error, variant_of

DEPTHS = (20, 56, 110, 302, 602)


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name, or would at another depth."""
    match = re.fullmatch(rf"cifar_(?P<pre>pre)?resnet(?P<depth>\d+){VARIANT}", name)
    if match is None:
        return None
    depth = int(match["depth"])
    if depth < 8 or depth % 6 != 2:
        raise depth_error(match, "6n+2", range(8, depth + 14, 6))
    return authors_spec(
        name,
        {"units": (depth - 2) // 6, "preactivation": match["pre"] is not None},
        cifar=True,
        **variant_of(match),
    )


FAMILY = Family(
    name="cifar_resnet",
    paper=Paper(
        title="Deep Residual Learning for Image Recognition",
        authors="He et al.",
        venue="CVPR 2016",
        arxiv="1512.03385",
    ),
    body="sepzoo.applications.cifar_resnet:cifar_resnet",
    slots={**{kind: {} for kind in PRESETS}, "bsconv_s": {"batch_norm": True}},
    slot="each 3 x 3 convolution, the first included",
    listed=tuple(
        spec
        for form in ("resnet", "preresnet")
        for depth in DEPTHS
        for variant in VARIANTS
        if (spec := _authors_form(f"cifar_{form}{depth}{variant}"))
    ),
    parse=_authors_form,
    weight_names={"bsconv": "sepzoo.applications.resnet:bsconv_names"},
)
