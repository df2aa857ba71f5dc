"""DS-CNN: a wide window on a spectrum, then separable convolutions (Zhang et al. 2017, arXiv 1711.07128, table 8)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.arguments import Count, Rate, Stride, Units
from sepzoo.records.family import Family, ModelSpec, Paper
from sepzoo.records.sound import Sound
from sepzoo.support.types import Activation, Kwargs, Options, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

KEYWORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "_silence_", "_unknown_")
"""The classes of MLPerf Tiny, in the order of its network's outputs."""


_FRAMES_OF_40_MS = Sound(window=640, fft=1024)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        channels: of every convolution.
        units: depthwise separable convolutions.
        kernel_size: of the first convolution, over time and over coefficients.
        stem_strides: of the first convolution, likewise.
        strides: of the first unit.
        use_bias: whether convolutions have a bias in front of their batch normalization.
        stem_dropout: rate behind the first convolution.
        dropout: rate in front of the pooling.
    """

    channels: Count = 64
    units: Units = 4
    kernel_size: tuple[Count, Count] = (10, 4)
    stem_strides: tuple[Stride, Stride] = (2, 2)
    strides: Stride = 1
    use_bias: bool = False
    stem_dropout: Rate = 0.0
    dropout: Rate = 0.0


def ds_cnn(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is a whole unit."""
    channels, kind = arguments.channels, net.factorization
    form: Kwargs = {"activation": "relu", "use_bias": arguments.use_bias}
    x = net.conv_bn(x, channels, arguments.kernel_size, strides=arguments.stem_strides, name="stem", **form)
    x = net.dropout(x, arguments.stem_dropout, name="stem_dropout")
    for u in range(1, arguments.units + 1):
        place, strides = f"stage1_unit{u}", arguments.strides if u == 1 else 1
        if kind is not None and not (kind.kind == "separable" and kind.batch_norm):
            x = net.factorized_bn(x, kind, channels, 3, strides=strides, name=f"{place}_conv", **form)
        else:
            x = net.depthwise_bn(x, 3, strides=strides, name=f"{place}_depthwise", **form)
            x = net.conv_bn(x, channels, 1, name=f"{place}_pointwise", **form)
    return x


def head(net: LayerBuilder, x: Tensor, arguments: Arguments, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores: dropout, pooling, one dense layer."""
    x = net.global_average_pool(net.dropout(x, arguments.dropout))
    return net.classifier(x, classes, activation=activation)


def _spec(
    name: str,
    arguments: Options,
    *,
    sound: Sound = _FRAMES_OF_40_MS,
    official: bool = True,
    labels: tuple[str, ...] | None = None,
) -> ModelSpec:
    return ModelSpec(
        name,
        arguments=arguments,
        input_shape=(49, 10, 1),
        classes=12,
        dataset="speech_commands",
        minimum_size=4,
        takes="audio",
        sound=sound,
        labels=labels,
        official=official,
    )


_ARM = {"batch_norm_momentum": 0.96}
_MLPERF = {"use_bias": True, "stem_dropout": 0.2, "dropout": 0.4}
_FARTHER = {"stem_strides": (2, 1), "strides": 2}

FAMILY = Family(
    name="ds_cnn",
    paper=Paper(
        title="Hello Edge: Keyword Spotting on Microcontrollers",
        authors="Zhang et al.",
        venue="2017",
        arxiv="1711.07128",
    ),
    arguments=Arguments,
    body=ds_cnn,
    head=head,
    slots={**{kind: {} for kind in PRESETS}, "separable": {"batch_norm": True}},
    replaces="each of the depthwise separable units",
    listed=(
        _spec("ds_cnn_s", _ARM),
        _spec("ds_cnn_m", {"channels": 172, **_FARTHER, **_ARM}),
        _spec("ds_cnn_l", {"channels": 276, "units": 5, **_FARTHER, **_ARM}),
        _spec("mlperf_tiny_keywords", _MLPERF, sound=Sound(), official=False, labels=KEYWORDS),
    ),
    note="Features go in: 10 mel-frequency cepstral coefficients of 49 windows of a second of sound, of 40 ms each, in "
    "MLPerf's network of 30 ms; of a spectrum's magnitudes, which the paper's program squares. The paper's "
    "networks are counted as its program has them, with a bias a convolution or a scale a batch normalization. "
    "MLPerf Tiny's keyword spotter is the small one with both; its Keras file loads (weights='FILE.h5').",
)
