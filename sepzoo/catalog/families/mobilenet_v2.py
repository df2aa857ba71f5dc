"""MobileNetV2: its names, forms and weights."""

from __future__ import annotations

import re

from sepzoo.records.authors import authors_spec
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.naming import WIDTH, mobilenet_names, width_of

_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name."""
    match = re.fullmatch(rf"(?P<cifar>cifar_)?mobilenetv2_{WIDTH}(?P<variant>_bsconvs_p1d6)?", name)
    if match is None:
        return None
    cifar = match["cifar"] is not None
    arguments = {"alpha": width_of(match), "divisor": None, "first_expansion": True}
    small = {"stem_strides": 1, "strides": (1, 1, 2, 2, 2)}
    return authors_spec(
        name,
        {**arguments, **small} if cifar else arguments,
        conv="bsconv_s" if match["variant"] else None,
        cifar=cifar,
    )


def _weights() -> tuple[WeightFile, ...]:
    stem = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
    pairs = [(alpha, size) for alpha in (0.35, 0.5, 0.75, 1.0) for size in (96, 128, 160, 192, 224)]
    return tuple(
        WeightFile({"alpha": alpha}, size, top, f"{_URL}{stem}_{alpha}_{size}{'' if top else '_no_top'}.h5")
        for alpha, size in [*pairs, (1.3, 224), (1.4, 224)]
        for top in (True, False)
    )


FAMILY = Family(
    name="mobilenet_v2",
    paper=Paper(
        title="MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        authors="Sandler et al.",
        venue="CVPR 2018",
        arxiv="1801.04381",
    ),
    body="sepzoo.applications.mobilenet_v2:mobilenet_v2",
    slots={"bsconv_s": {}},
    slot="none of the convolutions: bsconv_s is the orthonormal penalty on the linear projections, as published",
    listed=(
        ModelSpec("mobilenet_v2", arguments={"batch_norm_momentum": 0.999}),
        *(spec for name in mobilenet_names("v2", "bsconvs_p1d6") if (spec := _authors_form(name))),
    ),
    parse=_authors_form,
    weight_names={
        "keras": "sepzoo.applications.mobilenet_v2:keras_names",
        "bsconv": "sepzoo.applications.mobilenet_v2:bsconv_names",
        "timm": "sepzoo.applications.mobilenet_v2:timm_names",
    },
    weights=_weights(),
    weights_licence="Apache-2.0",
)
