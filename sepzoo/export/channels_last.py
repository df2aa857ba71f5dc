"""A network whose channels come first, computed with channels last.

The kernels of TFLite's runtime take channels last, and so does all in this package that rounds weights. A convolution
over channels first would stand between two transpositions, its bias and its activation apart from it. So tensors are
transposed once, where they come in, and back where something needs them as they were.

Keras on TensorFlow takes a bias for one of the last axis wherever that has as many places: over channels first, where
there are as many channels as columns, it is added to the columns, but to the channels where TensorFlow joins it to the
convolution before, as it does in graphs alone. Such a model has no answers that a file could be held against.
"""

from __future__ import annotations

import collections
import dataclasses

import keras
import numpy as np

from sepzoo.layers.cloning import copy_state
from sepzoo.layers.graph import graph_of, nodes, replay, run
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Args, Kwargs, Operation, Tensor, Tensors
from sepzoo.surgery.pruning.passing import computes_each_value_alone
from sepzoo.surgery.walk.rewriting import unused_name

_OWN = ("keras.", "sepzoo.")
_ROWS = 2
"""Axes of a tensor without places: there the channels are last whatever they were."""


def channels_last(model: keras.Model) -> keras.Model:
    """Return a model that computes the same with channels last, wherever layers say `data_format="channels_first"`.

    Inputs and outputs keep their shapes. Layers keep their names, and their weights, whose shapes are the same.

    Args:
        model: flat; only read, but layers that stay are shared with it. One without such layers comes back itself.

    Raises:
        SepzooError: a layer whose bias Keras adds to channels or to columns, see above.

    Example:
        >>> first = keras.layers.Conv2D(4, 3, data_format="channels_first", name="stem")
        >>> pool = keras.layers.GlobalAveragePooling2D(data_format="channels_first", name="pool")
        >>> new = channels_last(keras.Sequential([keras.Input((3, 8, 8)), first, pool]))
        >>> [(layer.name, layer.output.shape[1:]) for layer in new.layers[1:]]
        [('channels_last', (8, 8, 3)), ('stem', (6, 6, 4)), ('pool', (4,))]
    """
    if not any(_has_channels_first(node.operation) for node in nodes(model)):
        return model
    graph = graph_of(model)
    work = _Layout(model)
    outputs = keras.tree.map_structure(work.first, replay(model, graph.input, work.call))
    return keras.Model(graph.input, outputs, name=model.name)


@dataclasses.dataclass(eq=False)
class _Laid:
    """A tensor with its channels last that stands for one with its channels first.

    Attributes:
        last: the tensor.
        first: the other, once somebody needs it.
    """

    last: Tensor
    first: Tensor | None = None


class _Layout:
    """A walk that keeps channels last from one operation to the next for as long as nothing minds."""

    def __init__(self, model: keras.Model) -> None:
        calls = nodes(model)
        self._calls = collections.Counter(id(node.operation) for node in calls)
        self._names = {node.operation.name for node in calls} | {each.name for each in graph_of(model).operations}
        self._twins: dict[int, Operation] = {}
        self._moved: dict[int, _Laid] = {}

    def call(self, operation: Operation, args: Args, kwargs: Kwargs) -> Tensors:
        """Repeat one operation's call."""
        config = self._config(operation, args, kwargs)
        if config is None:
            return run(operation, *keras.tree.map_structure(self.first, (args, kwargs)))
        new = operation
        if config:
            new = self._twins.get(id(operation)) or type(operation).from_config({**operation.get_config(), **config})
        outputs = run(new, *keras.tree.map_structure(self._last, (args, kwargs)))
        _require_one_bias(operation, outputs)
        if config and id(operation) not in self._twins:
            copy_state(operation, new, operation.name)
            self._twins[id(operation)] = new
        return _Laid(outputs) if len(outputs.shape) > _ROWS else outputs

    def _config(self, operation: Operation, args: Args, kwargs: Kwargs) -> Kwargs | None:
        """Return what changes in an operation that takes channels last; None: it takes its tensors as they were."""
        given = keras.tree.flatten((args, kwargs))
        if _has_channels_first(operation):
            return {"data_format": "channels_last"}
        ranks = {len(each.last.shape if isinstance(each, _Laid) else each.shape) for each in given if _is_tensor(each)}
        if len(ranks) != 1 or (rank := ranks.pop()) <= _ROWS:
            return None
        if type(operation) is keras.layers.BatchNormalization and operation.axis == 1:
            return {"axis": rank - 1}
        if not any(isinstance(each, _Laid) for each in given):
            return None
        if type(operation) in (keras.layers.Concatenate, keras.layers.Softmax):
            axis = operation.axis % rank if isinstance(operation.axis, int) else 0
            alone = self._calls[id(operation)] == 1  # else its name would be needed twice
            return {"axis": rank - 1 if axis == 1 else axis - 1} if axis and alone else None
        plain = all(_is_tensor(each) or not hasattr(each, "shape") or not each.shape for each in given)
        return {} if plain and computes_each_value_alone(operation) else None

    def first(self, value: Tensors) -> Tensors:
        """Return a tensor as the model has it."""
        if not isinstance(value, _Laid):
            return value
        if value.first is None:
            rank = len(value.last.shape)
            value.first = self._permuted(value.last, (rank - 1, *range(1, rank - 1)), "channels_first")
        return value.first

    def _last(self, value: Tensors) -> Tensors:
        """Return a tensor with its channels last."""
        if isinstance(value, _Laid):
            return value.last
        if not _is_tensor(value):
            return value
        if id(value) not in self._moved:
            dims = (*range(2, len(value.shape)), 1)
            self._moved[id(value)] = _Laid(self._permuted(value, dims, "channels_last"), value)
        return self._moved[id(value)].last

    def _permuted(self, tensor: Tensor, dims: tuple[int, ...], name: str) -> Tensor:
        name = unused_name(name, self._names)
        self._names.add(name)
        return keras.layers.Permute(dims, dtype=tensor.dtype, name=name)(tensor)


def _is_tensor(value: Tensors) -> bool:
    return isinstance(value, _Laid | keras.KerasTensor)


def _require_one_bias(operation: Operation, outputs: Tensor) -> None:
    """Raise where it depends on how a layer is run what its bias is added to.

    Args:
        operation: of the model.
        outputs: with channels last.
    """
    biased = _has_channels_first(operation) and getattr(operation, "use_bias", False)
    if not biased or keras.backend.backend() != "tensorflow" or not outputs.shape[-2] == outputs.shape[-1] > 1:
        return
    if np.any(operation.get_weights()[-1]):
        raise SepzooError(
            "expected layers that answer alike however they are run. Received: "
            f"{(operation.name.rpartition('.')[0] or operation.name)!r}, which has a bias, channels first, and as many "
            f"channels as columns ({outputs.shape[-1]}), so that Keras on TensorFlow adds the bias to the channels in "
            "some runs and to the columns in others. Build the network with data_format='channels_last', whose weights "
            "have the same shapes, and set_weights(model.get_weights()) on it."
        )


def _has_channels_first(operation: Operation) -> bool:
    """Return whether an operation is a layer that would compute the same with channels last."""
    known = isinstance(operation, keras.layers.Layer) and type(operation).__module__.startswith(_OWN)
    loops = isinstance(operation, keras.layers.RNN)  # which takes channels inside of its steps
    return known and not loops and getattr(operation, "data_format", None) == "channels_first"
