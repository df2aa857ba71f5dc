"""Xception: its name, kinds and weights."""

from __future__ import annotations

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile

_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/xception/xception_weights_tf_dim_ordering_tf_kernels"
)
_FORM = {"alpha": 1.0, "residual": True}

FAMILY = Family(
    name="xception",
    paper=Paper(
        title="Xception: Deep Learning with Depthwise Separable Convolutions",
        authors="Chollet",
        venue="CVPR 2017",
        arxiv="1610.02357",
    ),
    body="sepzoo.applications.xception:xception",
    slots={kind: {} for kind in PRESETS},
    slot="each of the 34 separable convolutions",
    listed=(ModelSpec("xception", input_shape=(299, 299, 3), minimum_size=71),),
    weight_names={
        "keras": "sepzoo.applications.xception:keras_names",
        "timm": "sepzoo.applications.xception:timm_names",
    },
    weights=(
        WeightFile(_FORM, 299, True, f"{_URL}.h5", "0a58e3b7378bc2990ea3b43d5981f1f6"),
        WeightFile(_FORM, 299, False, f"{_URL}_notop.h5", "b0042744bf5b25fce3cb969f33bebb97"),
    ),
    weights_licence="MIT",
)
