"""Copies of single operations, outside of any model."""

from __future__ import annotations

import copy
import tempfile

import keras
import numpy as np

from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.types import ArrayLike, Layer, Operation, Variable


def clone(operation: Operation, name: str) -> Operation:
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
        new = type(operation).from_config(operation.get_config())
        if has_assets(operation):
            _load_assets(operation, new)
        return new
    except Exception as error:
        raise SepzooError(
            f"layer {name!r} ({type(operation).__name__}) can't be copied, since from_config(get_config()) fails: "
            f"{first_line(error)}"
        ) from error


def parts_of(operation: Operation) -> list[Layer]:
    """Return a layer and those inside it: cells, what a wrapper holds, at any depth; nothing of a function.

    Example:
        >>> [part.name for part in parts_of(keras.layers.TimeDistributed(keras.layers.Dense(2, name="d"), name="t"))]
        ['t', 'd']
    """
    return list(operation._flatten_layers()) if isinstance(operation, keras.layers.Layer) else []


def half_precision(operation: Operation) -> list[Layer]:
    """Return the layers that compute in less than float32 among an operation and those inside it: cells, wrapped ones.

    Example:
        >>> [layer.name for layer in half_precision(keras.layers.Dense(2, name="d", dtype="mixed_float16"))]
        ['d']
    """
    return [part for part in parts_of(operation) if part.dtype_policy.compute_dtype in ("float16", "bfloat16")]


def copy_state(layer: Layer, new: Layer, name: str) -> None:
    """Copy the state of a layer into its built clone: variables, seeds, what is derived from them, trainable flags.

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
    for part, new_part in zip(old_parts, new_parts, strict=True):
        if not has_assets(part):
            _derive_state(part, new_part)
        for state, new_state in zip(_kept(part), _kept(new_part), strict=True):
            new_state.assign(keras.ops.copy(state.value))


def _kept(layer: Layer) -> list[Variable]:
    """Return what a recurrent layer keeps from one call to the next, which is none of its variables."""
    return keras.tree.flatten(layer.states) if getattr(layer, "stateful", False) and layer.states else []


def has_assets(layer: Layer) -> bool:
    """Return whether a layer keeps more than variables, such as a vocabulary, which Keras writes into files."""
    return hasattr(layer, "save_assets")


def _derive_state(layer: Layer, new: Layer) -> None:
    """Let a layer make anew what it holds beside its variables and makes of them, as when it is loaded from a file."""
    if type(layer).load_own_variables is not keras.layers.Layer.load_own_variables:
        store: dict[str, ArrayLike] = {}
        layer.save_own_variables(store)
        copies = {key: np.array(keras.ops.convert_to_numpy(value)) for key, value in store.items()}  # as in copy_state
        new.load_own_variables(copies)


def _load_assets(layer: Layer, new: Layer) -> None:
    _derive_state(layer, new)
    with tempfile.TemporaryDirectory() as folder:
        layer.save_assets(folder)
        new.load_assets(folder)


def _clone_function(operation: Operation) -> Operation:
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
