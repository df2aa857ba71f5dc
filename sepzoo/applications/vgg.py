"""VGG: stacks of 3 x 3 convolutions (Simonyan and Zisserman, ICLR 2015, arXiv 1409.1556, table 1, D and E)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Literal

from sepzoo.layers.conventions import Affects
from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import Count, OutputStride, Rate, Width
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.preprocessing import CAFFE
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Activation, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: some convolutions of the same width. A max pooling stands in front of all but the first."""

    channels: int
    convolutions: int


STAGES = {
    16: (Stage(64, 2), Stage(128, 2), Stage(256, 3), Stage(512, 3), Stage(512, 3)),
    19: (Stage(64, 2), Stage(128, 2), Stage(256, 4), Stage(512, 4), Stage(512, 4)),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        depth: number of layers with weights.
        alpha: width; every channel number is multiplied by it and truncated.
        batch_norm: whether each convolution is followed by batch normalization, as in torchvision's `vgg16_bn`; the
            paper, which is older, has none.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides. Max pooling
            knows no dilation, so under 16 the last one sees nearer neighbours than it does when strided.
        hidden: channels of the two dense layers in front of the classifier.
        dropout: rate behind each of them.
    """

    depth: Literal[16, 19] = 16
    alpha: Width = 1.0
    batch_norm: bool = False
    output_stride: OutputStride = None
    hidden: Annotated[Count, Affects.HEAD] = 4096
    dropout: Rate = 0.0


def vgg(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each 3 x 3 convolution."""
    scales = resolutions(1, (1, 2, 2, 2, 2, 2), arguments.output_stride)
    for s, (stage, scale) in enumerate(zip(STAGES[arguments.depth], scales[:-1], strict=True), start=1):
        if s > 1:
            x = _pool(net, x, scale.strides, name=f"stage{s}_pool")
        width = truncated(stage.channels, arguments.alpha)
        for c in range(1, stage.convolutions + 1):
            x = net.slot(x, width, 3, dilation_rate=scale.dilation, use_bias=True, name=f"stage{s}_conv{c}")
            if arguments.batch_norm:
                x = net.batch_norm(x, name=f"stage{s}_conv{c}_bn")
            x = net.activation(x, "relu", name=f"stage{s}_conv{c}")
    return _pool(net, x, scales[-1].strides, name="final_pool")


def _pool(net: LayerBuilder, x: Tensor, strides: int, *, name: str) -> Tensor:
    return net.max_pool(x, 2, strides=strides, padding="valid" if strides == 2 else "same", name=name)


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores: two hidden dense layers on all positions, dropout behind each, and the classifier.

    Raises:
        SepzooError: height or width are open, so that the number of positions is not known.
    """
    if None in x.shape[1:]:
        raise SepzooError(
            "expected an input of known size: VGG's dense layers stand on every position. Received: open height or "
            "width. Give input_shape, or take include_top=False."
        )
    x = net.flatten(x)
    for name in ("hidden1", "hidden2"):
        x = net.activation(net.dense(x, arguments.hidden, name=name), "relu", name=name)
        x = net.dropout(x, arguments.dropout, name=f"{name}_dropout")
    return net.classifier(x, classes, activation=activation)


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
    arguments=Arguments,
    body=vgg,
    head=head,
    slots={kind: {} for kind in PRESETS},
    replaces="each 3 x 3 convolution",
    listed=tuple(ModelSpec(f"vgg{depth}", arguments={"depth": depth}, preprocessing=CAFFE) for depth in _HASHES),
    weights=tuple(file for depth in _HASHES for file in _weights(depth)),
    weights_licence="CC BY 4.0",
)
