"""MobileNetV3, large and small: its names, forms and weights."""

from __future__ import annotations

import re

from sepzoo.records.authors import authors_spec
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.naming import WIDTH, mobilenet_names, width_of

_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3/weights_mobilenet_v3_"
_HASHES = {  # size, minimalistic, alpha: of the file with the classifier, and without
    ("large", False, 0.75): ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    ("large", False, 1.0): ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    ("large", True, 1.0): ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    ("small", False, 0.75): ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    ("small", False, 1.0): ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    ("small", True, 1.0): ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}
_SMALL_IMAGES = {"large": (1, 1, 2, 2, 2), "small": (1, 2, 2, 2)}


def _authors_form(name: str) -> ModelSpec | None:
    """Return the network that the BSConv authors' program builds under this name."""
    pattern = rf"(?P<cifar>cifar_)?mobilenetv3_(?P<size>large|small)_{WIDTH}(?P<variant>_bsconvs_p1d6)?"
    match = re.fullmatch(pattern, name)
    if match is None:
        return None
    cifar, size = match["cifar"] is not None, match["size"]
    arguments = {
        "size": size,
        "alpha": width_of(match),
        "divisor": None,
        "first_expansion": True,
        "final_squeeze": size == "small",
        "full_head": False,
        "dropout": 0.0,
        "classifier": "dense",
    }
    return authors_spec(
        name,
        {**arguments, "stem_strides": 1, "strides": _SMALL_IMAGES[size]} if cifar else arguments,
        conv="bsconv_s" if match["variant"] else None,
        cifar=cifar,
    )


def _weights(size: str, minimalistic: bool, alpha: float) -> tuple[WeightFile, ...]:
    form = {"size": size, "minimalistic": minimalistic, "alpha": alpha}
    url = f"{_URL}{size}{'_minimalistic' if minimalistic else ''}_224_{alpha}_float"
    whole, features = _HASHES[size, minimalistic, alpha]
    return (
        WeightFile({**form, "full_head": True}, 224, True, f"{url}.h5", whole),
        WeightFile(form, 224, False, f"{url}_no_top_v2.h5", features),
    )


FAMILY = Family(
    name="mobilenet_v3",
    paper=Paper(title="Searching for MobileNetV3", authors="Howard et al.", venue="ICCV 2019", arxiv="1905.02244"),
    body="sepzoo.applications.mobilenet_v3:mobilenet_v3",
    head="sepzoo.applications.mobilenet_v3:head",
    slots={"bsconv_s": {}},
    slot="none of the convolutions: bsconv_s is the orthonormal penalty on the linear projections, as published",
    listed=(
        ModelSpec("mobilenet_v3_large", arguments={"size": "large", "batch_norm_momentum": 0.999}),
        ModelSpec("mobilenet_v3_small", arguments={"size": "small", "batch_norm_momentum": 0.999}),
        *(
            spec
            for size in ("large", "small")
            for name in mobilenet_names(f"v3_{size}", "bsconvs_p1d6")
            if (spec := _authors_form(name))
        ),
    ),
    parse=_authors_form,
    weight_names={
        "keras": "sepzoo.applications.mobilenet_v3:keras_names",
        "bsconv": "sepzoo.applications.mobilenet_v3:bsconv_names",
        "timm": "sepzoo.applications.mobilenet_v3:timm_names",
    },
    weights=tuple(file for variant in _HASHES for file in _weights(*variant)),
    weights_licence="Apache-2.0",
)
