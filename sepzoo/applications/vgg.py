"""VGG: stacks of 3 x 3 convolutions (Simonyan and Zisserman, ICLR 2015, arXiv 1409.1556, table 1, D and E)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from sepzoo.layers.builder import Blocks
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated
from sepzoo.support.errors import SepzooError


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: some convolutions of the same width. A max pooling stands in front of all but the first."""

    channels: int
    convolutions: int


STAGES = {
    16: (Stage(64, 2), Stage(128, 2), Stage(256, 3), Stage(512, 3), Stage(512, 3)),
    19: (Stage(64, 2), Stage(128, 2), Stage(256, 4), Stage(512, 4), Stage(512, 4)),
}


def vgg(net: Blocks, x: Any, *, depth: int = 16, alpha: float = 1.0, output_stride: int | None = None) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each 3 x 3 convolution.
        x: images.
        depth: number of layers with weights, 16 or 19.
        alpha: width; every channel number is multiplied by it and truncated.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides. Max pooling
            knows no dilation, so under 16 the last one sees nearer neighbours than it does when strided.

    Raises:
        SepzooError: another depth.
    """
    if depth not in STAGES:
        raise SepzooError(f"expected a depth of {' or '.join(map(str, STAGES))}. Received: depth={depth}.")
    scales = resolutions(1, (1, 2, 2, 2, 2, 2), output_stride)
    for s, (stage, scale) in enumerate(zip(STAGES[depth], scales[:-1], strict=True), start=1):
        if s > 1:
            x = _pool(net, x, scale.strides, name=f"stage{s}_pool")
        width = truncated(stage.channels, alpha)
        for c in range(1, stage.convolutions + 1):
            x = net.slot(x, width, 3, dilation_rate=scale.dilation, use_bias=True, name=f"stage{s}_conv{c}")
            x = net.activation(x, "relu", name=f"stage{s}_conv{c}")
    return _pool(net, x, scales[-1].strides, name="final_pool")


def _pool(net: Blocks, x: Any, strides: int, *, name: str) -> Any:
    return net.max_pool(x, 2, strides=strides, padding="valid" if strides == 2 else "same", name=name)


def head(net: Blocks, x: Any, *, classes: int, activation: Any, hidden: int = 4096, dropout: float = 0.0) -> Any:
    """Return the class scores: two hidden dense layers on all positions, dropout behind each, and the classifier.

    Raises:
        SepzooError: height or width are open, so that the number of positions is not known.
    """
    if None in x.shape[1:]:
        raise SepzooError(
            "expected an input of known size: VGG's dense layers stand on every position. Received: open height or "
            "width. Give input_shape, or take include_top=False."
        )
    x = keras.layers.Flatten(name="flatten")(x)
    for name in ("hidden1", "hidden2"):
        x = net.activation(keras.layers.Dense(hidden, name=name)(x), "relu", name=name)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return keras.layers.Dense(classes, activation=activation, name="predictions")(x)


def keras_names() -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.VGG16` and `VGG19`."""
    deepest = max(STAGES)
    return {
        "hidden1": "fc1",
        "hidden2": "fc2",
        "predictions": "predictions",
        **{
            f"stage{s}_conv{c}": f"block{s}_conv{c}"
            for s, stage in enumerate(STAGES[deepest], start=1)
            for c in range(1, stage.convolutions + 1)
        },
    }


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `vgg16` and `vgg19`.

    Args:
        places: of the network's convolutions, "stage1_conv1" and so on.
    """
    names = {"hidden1": "pre_logits.fc1", "hidden2": "pre_logits.fc2", "predictions": "head.fc"}
    position = 0
    for before, place in zip(["stage1", *places], places, strict=False):
        position += before.partition("_")[0] != place.partition("_")[0]  # behind a max pooling
        names[place] = f"features.{position}"
        position += 2  # itself and its ReLU
    return names
