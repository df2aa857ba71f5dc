"""Twins: layers that compute what a built-in Keras layer computes, faster, and pass for it."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from sepzoo.support.types import Layer, LayerClass, Tensor


def twin_of(builtin: type[keras.layers.Layer]) -> Callable[[type], type]:
    """Return a class decorator that makes a subclass of a built-in layer its twin.

    A twin takes the built-in layer's configuration and holds its weights. It bears its class name and claims its
    module, so names of layers and paths in weight files are the built-in layer's, and Keras writes that one into a
    saved model: the file opens where sepzoo is not installed. A deep copy, which Keras makes by saving, has it too.

    Example:
        >>> import keras
        >>> @twin_of(keras.layers.ReLU)
        ... class FasterReLU(keras.layers.ReLU): ...
        >>> layer = FasterReLU()
        >>> keras.saving.serialize_keras_object(layer)["class_name"], builtin_class(layer).__name__, is_twin(layer)
        ('ReLU', 'ReLU', True)
    """

    def decorate(twin: LayerClass) -> LayerClass:
        twin.twin_of = builtin
        twin.__module__ = "keras.layers"
        twin.__name__ = twin.__qualname__ = builtin.__name__
        return twin

    return decorate


def is_twin(layer: Layer) -> bool:
    """Return whether a layer is the twin of a built-in layer."""
    return "twin_of" in vars(type(layer))


def builtin_class(layer: Layer) -> LayerClass:
    """Return the built-in class whose twin a layer is, or else its own class."""
    return vars(type(layer)).get("twin_of", type(layer))


def finished(layer: Layer, outputs: Tensor) -> Tensor:
    """Return the outputs of a convolution, channels last, with its bias added and its activation applied."""
    if layer.use_bias:
        outputs = ops.add(outputs, layer.bias)
    return outputs if layer.activation is None else layer.activation(outputs)
