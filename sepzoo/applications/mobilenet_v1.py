"""MobileNetV1: a stack of depthwise separable convolutions (Howard et al. 2017, arXiv 1704.04861, table 1)."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS
from sepzoo.layers.heads import conv_head, dense_head
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.records.arguments import ActivationName, Classifier, Count, OutputStride, Rate, Stride, Width
from sepzoo.records.authors import authors_spec, authors_specs
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.naming import WIDTH, mobilenet_names, width_of
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.types import Activation, Kwargs, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: the channels of its units; the first unit may be strided."""

    channels: tuple[int, ...]


STEM = 32
STAGES = (
    Stage((64,)),
    Stage((128, 128)),
    Stage((256, 256)),
    Stage((512,) * 6),
    Stage((1024, 1024)),
)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        alpha: width; every channel number is multiplied by it and truncated.
        depth_multiplier: depthwise filters for each channel of the units' own form.
        use_bias: whether the convolutions have a bias in front of their batch normalization (MLPerf Tiny).
        activation: "relu6" (Keras), "relu" (the BSConv authors), or another.
        stem_strides: of the first convolution.
        strides: of each stage's first unit.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
        classifier: a 1 x 1 convolution ("conv", Keras), or a dense layer ("dense", the BSConv authors).
        dropout: rate in front of a classifier that is a convolution.
    """

    alpha: Width = 1.0
    depth_multiplier: Count = 1
    use_bias: bool = False
    activation: ActivationName = "relu6"
    stem_strides: Stride = 2
    strides: tuple[Stride, Stride, Stride, Stride, Stride] = (1, 2, 2, 2, 2)
    output_stride: OutputStride = None
    classifier: Classifier = "conv"
    dropout: Rate = 1e-3


def mobilenet_v1(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is a whole unit."""
    alpha, stem_strides, activation = arguments.alpha, arguments.stem_strides, arguments.activation
    form: Kwargs = {"activation": activation, "use_bias": arguments.use_bias}
    x = net.conv_bn(x, truncated(STEM, alpha), 3, strides=stem_strides, name="stem", **form)
    scales = resolutions(stem_strides, arguments.strides, arguments.output_stride)
    for s, (stage, scale) in enumerate(zip(STAGES, scales, strict=True), start=1):
        for u, channels in enumerate(stage.channels, start=1):
            x = _unit(
                net,
                x,
                truncated(channels, alpha),
                arguments.depth_multiplier,
                f"stage{s}_unit{u}",
                scale.window(u),
                form,
            )
    return x


def _unit(
    net: LayerBuilder, x: Tensor, channels: int, depth_multiplier: int, place: str, window: Kwargs, form: Kwargs
) -> Tensor:
    kind = net.factorization
    if kind is not None and not (kind.kind == "separable" and kind.batch_norm):
        return net.factorized_bn(x, kind, channels, 3, name=f"{place}_conv", **window, **form)
    x = net.depthwise_bn(x, 3, depth_multiplier=depth_multiplier, name=f"{place}_depthwise", **window, **form)
    return net.conv_bn(x, channels, 1, name=f"{place}_pointwise", **form)


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores."""
    if arguments.classifier == "conv":
        return conv_head(net, x, classes=classes, activation=activation, dropout=arguments.dropout)
    return dense_head(net, x, classes=classes, activation=activation)


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
    arguments=Arguments,
    body=mobilenet_v1,
    head=head,
    slots={**{kind: {} for kind in PRESETS}, "separable": {"batch_norm": True}},
    replaces="each of the 13 units",
    listed=(
        ModelSpec("mobilenet_v1", arguments={"padding": "end"}),
        ModelSpec(
            "mlperf_tiny_persons",
            arguments={"alpha": 0.25, "use_bias": True, "activation": "relu", "classifier": "dense"},
            input_shape=(96, 96, 3),
            classes=2,
            dataset="visual_wake_words",
            preprocessing=dataclasses.replace(ZERO_TO_ONE, crop_fraction=1.0),
            labels=("non_person", "person"),
            official=False,
        ),
        *authors_specs(_authors_form, mobilenet_names("v1", "bsconvu")),
    ),
    parse=_authors_form,
    weights=_weights(),
    weights_licence="Apache-2.0",
)
