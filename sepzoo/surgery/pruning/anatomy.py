"""Where the channels of a layer with weights stand: which axis of which weight is its inputs', which its outputs'."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

import keras
import numpy as np

from sepzoo.layers import LayerScale
from sepzoo.layers.keras_convolutions import CONVOLUTIONS, DEPTHWISE, SEPARABLE
from sepzoo.support.types import Config, Layer
from sepzoo.surgery.pruning.passing import is_elementwise

layers = keras.layers
Role = Literal["mixing", "channelwise", "shape"]


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """What of a layer stands on channels.

    Attributes:
        role: "mixing", where each output looks at all inputs (of its group); "channelwise", where it looks at one;
            "shape", where the configuration names a number of channels.
        inputs: the axis of each weight that stands on input channels.
        outputs: the axis of each weight that stands on output channels.
        count: what the configuration calls the number of outputs; empty where it does not name it.
    """

    role: Role
    inputs: Mapping[str, int] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, int] = dataclasses.field(default_factory=dict)
    count: str = ""


_CONV = Anatomy("mixing", {"kernel": -2}, {"kernel": -1, "bias": -1}, "filters")
_TRANSPOSED = Anatomy("mixing", {"kernel": -1}, {"kernel": -2, "bias": -1}, "filters")
_SEPARABLE = Anatomy(
    "mixing", {"depthwise_kernel": -2, "pointwise_kernel": -2}, {"pointwise_kernel": -1, "bias": -1}, "filters"
)
_DEPTHWISE = Anatomy("channelwise", {"kernel": -2}, {"bias": -1})
_NORM = Anatomy("channelwise", {}, dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), -1))
_ANATOMIES: dict[type[Layer], Anatomy] = {  # exactly these classes, for a subclass may compute something else
    **dict.fromkeys(CONVOLUTIONS, _CONV),
    **dict.fromkeys((layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), _TRANSPOSED),
    layers.Dense: Anatomy("mixing", {"kernel": -2}, {"kernel": -1, "bias": -1}, "units"),
    **dict.fromkeys(SEPARABLE, _SEPARABLE),
    **dict.fromkeys(DEPTHWISE, _DEPTHWISE),
    layers.BatchNormalization: _NORM,
    LayerScale: Anatomy("channelwise", {}, {"gamma": -1}),
    layers.PReLU: Anatomy("channelwise", {}, {"alpha": -1}),
    layers.Reshape: Anatomy("shape"),
}


def anatomy_of(layer: Layer) -> Anatomy | None:
    """Return where the channels of a layer's weights stand; None for a layer of another kind.

    Example:
        >>> anatomy_of(keras.layers.Conv2D(4, 3)).inputs
        {'kernel': -2}
    """
    anatomy = _ANATOMIES.get(type(layer))
    if anatomy is not None and groups_of(layer) > 1 and layer.kernel.shape[-2] == 1:
        return Anatomy("channelwise", {}, anatomy.outputs, "filters")  # a depthwise step, written as a grouped one
    return anatomy


def obstacle(layer: Layer, anatomy: Anatomy, rank: int) -> str:
    """Return why a layer's channels can't be taken out, or an empty text.

    Args:
        layer: one with an anatomy.
        anatomy: of it.
        rank: number of axes of its input.
    """
    known = {*anatomy.inputs, *anatomy.outputs, "kernel"}
    if any(variable.name not in known for variable in layer.weights):
        return "it has weights beside those of its kind"
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return "its data format is channels_first"
    if isinstance(layer, layers.BatchNormalization) and layer.axis % rank != rank - 1:
        return f"it normalizes axis {layer.axis}"
    return ""


def mixes_outputs(layer: Layer) -> str:
    """Return why a layer's outputs need each other behind its weights, or an empty text."""
    activation = getattr(layer, "activation", None)
    if activation is None or is_elementwise(activation):
        return ""
    return f"its activation {getattr(activation, '__name__', type(activation).__name__)!r} looks at all of them"


def groups_of(layer: Layer) -> int:
    """Return the number of groups of a convolution, 1 for any other layer."""
    return getattr(layer, "groups", 1) or 1


@dataclasses.dataclass(frozen=True, eq=False)
class Slice:
    """The channels of a layer that stay.

    Attributes:
        inputs: their numbers among its inputs.
        outputs: their numbers among its outputs.
    """

    inputs: np.ndarray
    outputs: np.ndarray


def sliced(layer: Layer, anatomy: Anatomy, kept: Slice) -> tuple[Config, list[np.ndarray]]:
    """Return the configuration and the weights of a layer without some channels.

    Args:
        layer: as it is.
        anatomy: of it.
        kept: what stays; of a convolution in groups the same places in each of them.

    Example:
        >>> dense = keras.layers.Dense(3)
        >>> dense.build((None, 4))
        >>> config, weights = sliced(dense, anatomy_of(dense), Slice(np.array([0, 3]), np.array([1])))
        >>> config["units"], [weight.shape for weight in weights]
        (1, [(2, 1), (1,)])
    """
    config = layer.get_config()
    if anatomy.role == "shape":
        return {**config, "target_shape": (*config["target_shape"][:-1], len(kept.outputs))}, []
    if anatomy.count:
        config[anatomy.count] = len(kept.outputs)
    inputs = kept.inputs
    if groups_of(layer) > 1:
        if anatomy.role == "channelwise":
            config["groups"] = len(inputs)
        inputs = inputs[inputs < layer.kernel.shape[-2]]
    weights = []
    for variable in layer.weights:
        weight = np.array(keras.ops.convert_to_numpy(variable.value))
        if variable.name in anatomy.inputs and not _is_single(weight, variable.name, anatomy.inputs):
            weight = weight.take(_rows(layer, variable.name, inputs), axis=anatomy.inputs[variable.name])
        if variable.name in anatomy.outputs and not _is_single(weight, variable.name, anatomy.outputs):
            weight = weight.take(kept.outputs, axis=anatomy.outputs[variable.name])
        weights.append(weight)
    return config, weights


def _is_single(weight: np.ndarray, name: str, axes: Mapping[str, int]) -> bool:
    """Return whether a weight is shared by all channels, as a PReLU's slope may be."""
    return name == "alpha" and weight.shape[axes[name]] == 1


def _rows(layer: Layer, name: str, inputs: np.ndarray) -> np.ndarray:
    """Return the places of inputs along a weight's axis: several for each behind a depth multiplier."""
    if name != "pointwise_kernel":
        return inputs
    multiplier = layer.depth_multiplier
    return (inputs[:, None] * multiplier + np.arange(multiplier)).ravel()
