"""What a Keras model does last to its values, read off its graph as far as that is certain."""

from __future__ import annotations

import math

import keras

from sepzoo.layers.graph import origin
from sepzoo.layers.twins import builtin_class
from sepzoo.records.outputs import End
from sepzoo.support.types import Operation, Tensor

_SAME_VALUES = {"Identity", "Dropout", "Cast", "Reshape", "Flatten", "Squeeze", "ExpandDims", "Copy"}
_LINEAR = {"Dense", "Conv1D", "Conv2D", "Conv3D", "SeparableConv1D", "SeparableConv2D", "EinsumDense"}
_AVERAGES = {"Average", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"}
_FUNCTIONS: dict[str, End] = {"softmax": "softmax", "sigmoid": "sigmoid"}
_LAYERS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "Identity": "linear"}
"""Layers, and operations of `keras.ops`, that are an activation, whether they stand alone or are one of a layer."""
_KNOWN = {"keras", "sepzoo", "tensorflow", "jax", "torch"}
"""Packages whose functions of these names compute what the names say."""


def end_of(model: keras.Model, position: int = 0) -> End:
    """Return what one of a model's outputs went through last: softmax, sigmoid, a plain linear layer, something else.

    Identities, casts, linear activations, reshapes that move nothing between samples and classes, `Rescaling(1)` and
    averages are looked through, and so are nested models.

    Example:
        >>> x = keras.Input((4,))
        >>> y = keras.layers.Dense(2, activation="softmax")(x)
        >>> end_of(keras.Model(x, keras.layers.Activation("linear", dtype="float32")(y)))
        'softmax'
        >>> end_of(keras.Model(x, keras.layers.Dense(2, activation="tanh")(x)))
        'other'
    """
    return _end(model.outputs[position])


def _end(tensor: Tensor) -> End:
    operation, sources, position = origin(tensor)
    if isinstance(operation, keras.Model):
        return _end(operation.outputs[position])
    kind = builtin_class(operation).__name__
    if _keeps_values(operation, kind, tensor, sources):
        ends = {_end(source) for source in sources}
        return ends.pop() if len(ends) == 1 else "other"
    function = _function(operation, kind)
    if function in _FUNCTIONS:
        axis = _softmax_axis(operation, kind)
        return _FUNCTIONS[function] if function != "softmax" or _over_classes(axis, tensor) else "other"
    return "linear" if kind in _LINEAR and function == "linear" else "other"


def _keeps_values(operation: Operation, kind: str, tensor: Tensor, sources: list[Tensor]) -> bool:
    """Return whether an operation gives the values that it takes, or their average."""
    if not sources:
        return False
    if kind in _AVERAGES:
        return True
    if kind == "Rescaling":
        return bool(operation.scale == 1 and operation.offset == 0)
    if kind == "Activation":
        return _function(operation, kind) == "linear"
    return kind in _SAME_VALUES and _axes(sources[0]) == _axes(tensor)


def _function(operation: Operation, kind: str) -> str:
    """Return the name of an operation's activation; an activation that stands alone is its own.

    One that a user wrote has none, whatever it is called: it may do anything.
    """
    if kind in _LAYERS:
        return _LAYERS[kind]
    activation = getattr(operation, "activation", None)
    if isinstance(activation, keras.layers.Layer):  # Dense(2, activation=keras.layers.Softmax())
        return _function(activation, builtin_class(activation).__name__)
    known = str(getattr(activation, "__module__", "")).partition(".")[0] in _KNOWN
    return getattr(activation, "__name__", "").removesuffix("_v2") if known else ""  # softmax_v2 is tf.nn's


def _softmax_axis(operation: Operation, kind: str) -> object:
    """Return the axis of a softmax, whether it is the operation or the activation of one."""
    if kind in _LAYERS:
        return getattr(operation, "axis", -1)
    activation = getattr(operation, "activation", None)
    if isinstance(activation, keras.layers.Layer):
        return _softmax_axis(activation, builtin_class(activation).__name__)
    return -1  # which the functions of all frameworks have where nothing is said


def _over_classes(axis: object, tensor: Tensor) -> bool:
    """Return whether a softmax runs over the one axis of classes."""
    if not isinstance(axis, int):
        return False
    size = math.prod(size or 0 for size in tensor.shape[1:])
    return tensor.shape[axis] == size or (axis in (-1, len(tensor.shape) - 1) and tensor.shape[axis] != 1)


def _axes(tensor: Tensor) -> list[int | None]:
    """Return a tensor's shape without the batch and without axes of length 1."""
    return [size for size in tensor.shape[1:] if size != 1]
