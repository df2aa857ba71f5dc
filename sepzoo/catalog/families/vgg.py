"""VGG: its names, kinds and weights."""

from __future__ import annotations

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.preprocessing import CAFFE

_URL = "https://storage.googleapis.com/tensorflow/keras-applications/"
_HASHES = {  # depth: of the file with the classifier, and without
    16: ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
    19: ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
}


def _weights(depth: int) -> tuple[WeightFile, ...]:
    form = {"depth": depth, "alpha": 1.0}
    url = f"{_URL}vgg{depth}/vgg{depth}_weights_tf_dim_ordering_tf_kernels"
    whole, features = _HASHES[depth]
    return (
        WeightFile({**form, "hidden": 4096}, 224, True, f"{url}.h5", whole),
        WeightFile(form, 224, False, f"{url}_notop.h5", features),
    )


FAMILY = Family(
    name="vgg",
    paper=Paper(
        title="Very Deep Convolutional Networks for Large-Scale Image Recognition",
        authors="Simonyan and Zisserman",
        venue="ICLR 2015",
        arxiv="1409.1556",
    ),
    body="sepzoo.applications.vgg:vgg",
    head="sepzoo.applications.vgg:head",
    slots={kind: {} for kind in PRESETS},
    slot="each 3 x 3 convolution",
    listed=tuple(ModelSpec(f"vgg{depth}", arguments={"depth": depth}, preprocessing=CAFFE) for depth in _HASHES),
    weight_names={
        "keras": "sepzoo.applications.vgg:keras_names",
        "timm": "sepzoo.applications.vgg:timm_names",
    },
    weights=tuple(file for depth in _HASHES for file in _weights(depth)),
    weights_licence="CC BY 4.0",
)
