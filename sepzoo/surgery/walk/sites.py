"""Where surgery can happen: each layer of a model with its surroundings."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import keras

from sepzoo.layers.graph import graph_of, maker, nodes
from sepzoo.support.types import Layer, Operation, Options, Tensor

Shape = tuple[int | None, ...]


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a layer in the original model.

    Attributes:
        model: the model that it stands in, which may be nested in another one.
        inputs: the symbolic tensors that it takes.
        outputs: the symbolic tensors that it gives.
        arguments: keyword arguments of the call that are set, such as `training`.
        producers: the operation that makes each input (a keras.layers.InputLayer at a model's own input).
        consumers: the operations that take its outputs, one entry a use.
        is_output: whether the model, or the nested model around it, gives one of its outputs.
    """

    model: keras.Model
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    arguments: Options
    producers: tuple[Operation, ...]
    consumers: tuple[Operation, ...]
    is_output: bool


@dataclasses.dataclass(frozen=True)
class Site:
    """A layer of the original model, to be read and not to be called or changed.

    Attributes:
        name: its name; in a nested model "model/layer".
        layer: the layer itself.
        calls: each of its calls, in order; several where it is shared.
    """

    name: str
    layer: keras.layers.Layer
    calls: tuple[Call, ...]

    @property
    def input_shape(self) -> Shape:
        """Shape of its first input, with the batch."""
        return tuple(self.calls[0].inputs[0].shape)

    @property
    def output_shape(self) -> Shape:
        """Shape of its first output, with the batch."""
        return tuple(self.calls[0].outputs[0].shape)

    @property
    def producer(self) -> Operation:
        """The operation that makes the input of its only call, or None where it has several calls or inputs."""
        return self.calls[0].producers[0] if len(self.calls) == 1 and len(self.calls[0].producers) == 1 else None

    @property
    def consumer(self) -> Operation:
        """The operation that alone takes what it gives, or None where something else gets it too."""
        only = len(self.calls) == 1 and len(self.calls[0].consumers) == 1 and not self.calls[0].is_output
        return self.calls[0].consumers[0] if only else None


def sites(model: keras.Model) -> tuple[Site, ...]:
    """Return every layer of a model, also those of its nested models, in the order of the first calls.

    Raises:
        SepzooError: a subclassed or unbuilt model, also a nested one; it is named.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv")])
        >>> [(site.name, site.output_shape) for site in sites(model)]
        [('conv', (None, 6, 6, 4))]
    """
    found: dict[int, tuple[str, keras.layers.Layer, list[Call]]] = {}
    _collect(model, "", found, set())
    return tuple(Site(name, layer, tuple(calls)) for name, layer, calls in found.values())


def _collect(model: keras.Model, prefix: str, found: dict[int, tuple[str, Layer, list[Call]]], seen: set[int]) -> None:
    graph = graph_of(model, prefix.rstrip("/") or None)
    if id(model) in seen:
        return
    seen.add(id(model))
    takers = defaultdict(list)
    for node in nodes(model):
        for tensor in node.input_tensors:
            takers[id(tensor)].append(node.operation)
    given = {id(tensor) for tensor in graph.outputs}
    for node in nodes(model):
        operation, name = node.operation, prefix + node.operation.name
        if isinstance(operation, keras.Model):
            _collect(operation, f"{name}/", found, seen)
        elif isinstance(operation, keras.layers.Layer):
            call = Call(
                model=model,
                inputs=tuple(node.input_tensors),
                outputs=tuple(node.outputs),
                arguments={key: value for key, value in node.arguments.kwargs.items() if value is not None},
                producers=tuple(maker(tensor) for tensor in node.input_tensors),
                consumers=tuple(operation for tensor in node.outputs for operation in takers[id(tensor)]),
                is_output=any(id(tensor) in given for tensor in node.outputs),
            )
            found.setdefault(id(operation), (name, operation, []))[2].append(call)
