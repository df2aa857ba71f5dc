"""Copies of single operations, outside of any model."""

from __future__ import annotations

import copy
from typing import Any

import keras

from sepzoo.support.errors import SepzooError, first_line


def clone(operation: Any, name: str) -> Any:
    """Return a new operation of the same configuration, without weights as yet and in no graph.

    Args:
        operation: a layer, or a function of `keras.ops` in a graph.
        name: what errors call it.

    Raises:
        SepzooError: a layer that its own configuration does not describe.
    """
    if not isinstance(operation, keras.layers.Layer):
        return _clone_function(operation)
    try:
        if isinstance(operation, keras.layers.Lambda):
            return _clone_lambda(operation)
        return type(operation).from_config(operation.get_config())
    except Exception as error:
        raise SepzooError(
            f"layer {name!r} ({type(operation).__name__}) can't be copied, since from_config(get_config()) fails: "
            f"{first_line(error)}"
        ) from error


def copy_state(layer: Any, new: Any, name: str) -> None:
    """Give a built clone the variables of its original, seeds too, and what of it is trainable.

    Raises:
        SepzooError: variables of another number or shape.
    """
    old_parts, new_parts = layer._flatten_layers(), new._flatten_layers()
    shapes = [[tuple(v.shape) for v in whole.variables] for whole in (layer, new)]
    if shapes[0] != shapes[1] or len(old_parts) != len(new_parts):
        raise SepzooError(
            f"layer {name!r} ({type(layer).__name__}) can't be copied: from_config(get_config()) gives a layer with "
            f"variables of shapes {shapes[1]}. Received: {shapes[0]}. Remove what was added to it after it was built."
        )
    for part, new_part in zip(old_parts, new_parts, strict=True):
        new_part.trainable = part.trainable
    for variable, new_variable in zip(layer.variables, new.variables, strict=True):
        new_variable.assign(keras.ops.copy(variable.value))  # JAX would share the array, and free it as it trains one
        new_variable.trainable = variable.trainable


def _clone_function(operation: Any) -> Any:
    new = copy.copy(operation)  # it has no state, and its constructor would give it another name
    new._inbound_nodes, new._outbound_nodes = [], []
    return new


def _clone_lambda(layer: keras.layers.Lambda) -> keras.layers.Lambda:
    """Copy the function itself: its configuration would need unsafe deserialization."""
    return keras.layers.Lambda(
        layer.function,
        output_shape=layer._output_shape,
        mask=layer.mask,
        arguments=dict(layer.arguments),
        name=layer.name,
        dtype=layer.dtype_policy,
        trainable=layer.trainable,
    )
