"""Darknet reference network: its names, dense and separable."""

from __future__ import annotations

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.preprocessing import ZERO_TO_ONE


def _spec(name: str, conv: str | None, *, cifar: bool) -> ModelSpec:
    return ModelSpec(
        name,
        arguments={"classifier": "dense"} if cifar else {},
        conv=conv,
        input_shape=(32, 32, 3) if cifar else (224, 224, 3),
        classes=10 if cifar else 1000,
        dataset="cifar10" if cifar else "imagenet",
        minimum_size=1,
        preprocessing=ZERO_TO_ONE,
    )


FAMILY = Family(
    name="darknet_reference",
    paper=Paper(
        title="You Only Look Once: Unified, Real-Time Object Detection",
        authors="Redmon et al.",
        venue="CVPR 2016",
        arxiv="1506.02640",
    ),
    body="sepzoo.applications.darknet_reference:darknet_reference",
    head="sepzoo.applications.darknet_reference:head",
    slots={kind: {} for kind in PRESETS},
    slot="each of the seven 3 x 3 convolutions",
    listed=tuple(
        _spec(f"{prefix}darknet_reference{suffix}", conv, cifar=prefix != "")
        for prefix in ("", "cifar_")
        for suffix, conv in (("", None), ("_separable", "separable"))
    ),
    note=(
        "The network of cfg/darknet.cfg in the authors' program Darknet, not of the paper. The `cifar_` names, for "
        "32 x 32 pixels and with a dense classifier, are ours; the `_separable` names are the bare exchange of its "
        "convolutions that QuickNet (1701.02291) sets out from."
    ),
    also_in=("1701.02291",),
)
