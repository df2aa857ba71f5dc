"""MobileNetV1: its names, forms and weights."""

from __future__ import annotations

import re

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.authors import authors_spec
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.naming import WIDTH, mobilenet_names, width_of

_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name."""
    match = re.fullmatch(rf"(?P<cifar>cifar_)?mobilenetv1_{WIDTH}(?P<variant>_bsconvu)?", name)
    if match is None:
        return None
    cifar = match["cifar"] is not None
    arguments = {"alpha": width_of(match), "activation": "relu", "classifier": "dense"}
    small = {"stem_strides": 1, "strides": (1, 1, 2, 2, 2)}
    return authors_spec(
        name,
        {**arguments, **small} if cifar else arguments,
        conv="bsconv_u" if match["variant"] else None,
        cifar=cifar,
    )


def _weights() -> tuple[WeightFile, ...]:
    files = [
        (alpha, size, top, f"mobilenet_{text}_{size}_tf{'' if top else '_no_top'}.h5")
        for alpha, text in _ALPHAS.items()
        for size in (128, 160, 192, 224)
        for top in (True, False)
    ]
    return tuple(WeightFile({"alpha": alpha}, size, top, _URL + file) for alpha, size, top, file in files)


FAMILY = Family(
    name="mobilenet_v1",
    paper=Paper(
        title="MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
        authors="Howard et al.",
        venue="2017",
        arxiv="1704.04861",
    ),
    body="sepzoo.applications.mobilenet_v1:mobilenet_v1",
    head="sepzoo.applications.mobilenet_v1:head",
    slots={**{kind: {} for kind in PRESETS}, "separable": {"batch_norm": True}},
    slot="each of the 13 units",
    listed=(
        ModelSpec("mobilenet_v1", arguments={"padding": "end"}),
        *(spec for name in mobilenet_names("v1", "bsconvu") if (spec := _authors_form(name))),
    ),
    parse=_authors_form,
    weight_names={
        "keras": "sepzoo.applications.mobilenet_v1:keras_names",
        "bsconv": "sepzoo.applications.mobilenet_v1:bsconv_names",
        "timm": "sepzoo.applications.mobilenet_v1:timm_names",
    },
    weights=_weights(),
    weights_licence="Apache-2.0",
)
