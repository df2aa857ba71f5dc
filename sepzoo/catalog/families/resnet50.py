"""ResNet-50 in the Keras form: its name, kinds and weights."""

from __future__ import annotations

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.preprocessing import CAFFE

_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/resnet50_weights_tf_dim_ordering_tf_kernels"

FAMILY = Family(
    name="resnet50",
    paper=Paper(
        title="Deep Residual Learning for Image Recognition",
        authors="He et al.",
        venue="CVPR 2016",
        arxiv="1512.03385",
    ),
    body="sepzoo.applications.resnet50:resnet50",
    slots={**{kind: {} for kind in PRESETS}, "bsconv_s": {"batch_norm": True}},
    slot="the 3 x 3 convolution of each of the 16 bottlenecks",
    listed=(
        ModelSpec("resnet50", arguments={"padding": "symmetric", "batch_norm_epsilon": 1.001e-5}, preprocessing=CAFFE),
    ),
    weight_names={
        "keras": "sepzoo.applications.resnet50:keras_names",
        "timm": "sepzoo.applications.resnet:timm_names",
    },
    weights=(
        WeightFile({"alpha": 1.0}, 224, True, f"{_URL}.h5", "2cb95161c43110f7111970584f804107"),
        WeightFile({"alpha": 1.0}, 224, False, f"{_URL}_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"),
    ),
    weights_licence="MIT",
)
