"""Where TensorFlow's converter rounds what a network computes, and where it does not.

A convolution and the ReLU behind it are one operation of the file, and rounded once. What only moves or picks values
keeps their steps, and a softmax or sigmoid has fixed ones.
"""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.layers.fake_quantization import CHANNEL_AXES
from sepzoo.support.types import Layer, Operation
from sepzoo.surgery.exact.affine import Affine
from sepzoo.surgery.walk.rewriting import Part, Replacement
from sepzoo.surgery.walk.sites import Site

layers = keras.layers

_MOVES = (
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.Cropping1D,
    layers.Cropping2D,
    layers.Flatten,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.Permute,
    layers.RepeatVector,
    layers.Reshape,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
)
"""What comes out of these has the steps of what went in."""

_FUSED = (keras.activations.relu, keras.activations.relu6, keras.activations.linear)
"""Activations that the operation before them takes in."""

_FIXED = (keras.activations.softmax, keras.activations.sigmoid, keras.activations.tanh)
"""Activations whose steps the runtime sets."""


def divided(site: Site) -> Replacement | None:
    """Return the steps in which the file computes a layer, where it rounds between them.

    An activation that is not part of the operation before it becomes a layer of its own; a hard sigmoid, and what
    scales and shifts (such as a batch normalization that could not be folded), become what they are made of.
    """
    layer = site.layer
    activation = getattr(layer, "activation", None)
    if type(layer) is layers.Activation and activation is keras.activations.hard_sigmoid:
        return Replacement(_hard_sigmoid(layer.name), "written out")
    affine = _affine_of(site)
    if affine is not None:
        return Replacement(_scale_and_shift(layer.name, *affine), "scales, then shifts")
    if type(layer) not in CHANNEL_AXES or activation in _FUSED:
        return None
    plain = type(layer).from_config({**layer.get_config(), "activation": None})
    name = f"{layer.name}_activation"
    behind = (
        _hard_sigmoid(name)
        if activation is keras.activations.hard_sigmoid
        else (Part(layers.Activation(activation, name=name)),)
    )
    return Replacement((Part(plain, layer.get_weights()), *behind), "its activation is a layer of its own")


def _affine_of(site: Site) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the scale and the shift of a layer that has both, one number or one a channel."""
    layer = site.layer
    if type(layer) is layers.Rescaling:
        scale, shift = np.ravel(layer.scale), np.ravel(layer.offset)
    elif type(layer) is layers.Normalization and not layer.invert:
        scale = 1 / np.maximum(np.sqrt(np.ravel(layer.variance)), keras.config.epsilon())
        shift = -np.ravel(layer.mean) * scale
    elif type(layer) is layers.BatchNormalization and layer.axis in (-1, len(site.output_shape) - 1):
        affine = Affine.of(layer)
        scale, shift = affine.scale, affine.shift
    else:
        return None
    fits = {scale.size, shift.size} <= {1, site.output_shape[-1]}
    return (scale, shift) if fits and (scale != 1).any() and (shift != 0).any() else None


def _scale_and_shift(name: str, scale: np.ndarray, shift: np.ndarray) -> tuple[Part, ...]:
    scaling = layers.Rescaling(scale.tolist(), name=f"{name}_scale")
    return Part(scaling), Part(layers.Rescaling(1.0, offset=shift.tolist(), name=f"{name}_shift"))


def _hard_sigmoid(name: str) -> tuple[Part, ...]:
    steps = (
        layers.Rescaling(1.0, offset=3.0, name=f"{name}_shift"),
        layers.ReLU(6.0, name=f"{name}_clip"),
        layers.Rescaling(1 / 6, name=f"{name}_scale"),
    )
    return tuple(Part(step) for step in steps)


def rounds_output(site: Site) -> bool:
    """Return whether the file rounds what a layer gives to steps of its own."""
    layer = site.layer
    if type(layer) in _MOVES or (type(layer) is layers.UpSampling2D and layer.interpolation == "nearest"):
        return False
    if type(layer) is layers.Softmax or getattr(layer, "activation", None) in _FIXED:
        return False
    outputs = [tensor for call in site.calls for tensor in call.outputs]
    if len(outputs) != len(site.calls) or not all("float" in tensor.dtype for tensor in outputs):
        return False
    return not (_is_linear(layer) and _is_relu(site.consumer))


def _is_linear(layer: Layer) -> bool:
    """Return whether a layer ends in a sum, which can take in the ReLU behind it."""
    if type(layer) in CHANNEL_AXES:
        return layer.activation is keras.activations.linear
    return type(layer) is layers.Add or (type(layer) is layers.Rescaling and np.ravel(layer.scale).tolist() == [1.0])


def _is_relu(operation: Operation) -> bool:
    if type(operation) is layers.ReLU:
        return operation.max_value in (None, 6.0) and not operation.negative_slope and not operation.threshold
    return type(operation) is layers.Activation and operation.activation in _FUSED[:2]
