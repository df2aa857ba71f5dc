"""What each layer of a model takes and gives whenever it runs, also in nested models that leave their sizes open."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping

import keras

from sepzoo.layers.graph import graph_of, input_of, nodes, replay
from sepzoo.support.types import Args, Kwargs, Operation, Tensor, Tensors

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a layer for one sample; shapes are without the axis of samples, 0 is a size that is open.

    Attributes:
        taken: shape of its first input.
        given: shape of each output.
    """

    taken: Shape
    given: tuple[Shape, ...]

    @classmethod
    def of(cls, inputs: Tensors, outputs: Tensors) -> Run:
        """Return the run of a layer between two structures of tensors."""
        taken, given = (
            [tuple(size or 0 for size in tensor.shape[1:]) for tensor in keras.tree.flatten(side)]
            for side in (inputs, outputs)
        )
        return cls(taken[0] if taken else (), tuple(given))


def runs_of(model: keras.Model) -> Mapping[int, tuple[Run, ...]]:
    """Return the runs of each layer or operation of a model by its `id`, in their order.

    A layer runs as often as it is called, and once more for each further call of the nested model around it. That model
    may take images of any size, as `keras.applications` builds them without the top: sizes are those of its calls.

    Example:
        >>> conv = keras.layers.Conv2D(4, 3)
        >>> nested = keras.Sequential([keras.Input((None, None, 3)), conv])
        >>> runs_of(keras.Sequential([keras.Input((8, 8, 3)), nested]))[id(conv)]
        (Run(taken=(8, 8, 3), given=((6, 6, 4),)),)
    """
    found: dict[int, list[Run]] = defaultdict(list)
    _collect(model, found)
    return {key: tuple(runs) for key, runs in found.items()}


def _collect(model: keras.Model, found: dict[int, list[Run]]) -> None:
    for node in nodes(model):
        operation = node.operation
        if not isinstance(operation, keras.Model):
            found[id(operation)].append(Run.of(node.input_tensors, node.outputs))
        elif _open(graph_of(operation).inputs) and not _open(node.input_tensors):
            _replay(operation, input_of(node.arguments.args, node.arguments.kwargs), found)
        else:
            _collect(operation, found)


def _open(tensors: Iterable[Tensor]) -> bool:
    return any(None in tensor.shape[1:] for tensor in tensors)


def _replay(model: keras.Model, inputs: Tensors, found: dict[int, list[Run]]) -> Tensors:
    """Repeat a nested model's calls on the sizes that come to it."""

    def call(operation: Operation, args: Args, kwargs: Kwargs) -> Tensors:
        outputs = operation.compute_output_spec(*args, **kwargs)
        found[id(operation)].append(Run.of(input_of(args, kwargs), outputs))
        return outputs

    return replay(model, inputs, call, inside=True)
