"""A Keras model's graph: the calls of its operations in order, and the one walk that repeats them on other tensors.

All that this package reads of Keras's graph beyond its public face is read here, and in `cloning` beside it.
"""

from __future__ import annotations

import collections
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import keras

from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Args, Graph, Kwargs, Layer, Node, Operation, Options, Tensor, Tensors

Call = Callable[[Operation, Args, Kwargs], Tensors]
"""What stands in for an operation's call: it gets the operation and the call's arguments."""


def graph_of(model: keras.Model, name: str | None = None) -> Graph:
    """Return the functional graph of a model, which for a Sequential model is the one that it holds.

    Args:
        model: a functional or a built Sequential model.
        name: what errors call it; by default its own name.

    Raises:
        SepzooError: no model, a Sequential model without weights, or a model that is a program instead of a graph.

    Example:
        >>> import keras
        >>> graph_of(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])).outputs[0].shape
        (None, 2)
    """
    kind = type(model).__name__
    if not isinstance(model, keras.Model):
        raise SepzooError(f"expected a Keras model. Received: {kind}. Build one, or load it from its file.")
    name = name or model.name
    if _calls_itself(model):
        raise SepzooError(
            f"expected a functional or Sequential model. Received: {name!r}, a subclassed model ({kind}), "
            "whose layers are hidden in its call(). Rebuild it as keras.Model(inputs, outputs)."
        )
    if not isinstance(model, keras.Sequential):
        return model
    if model._functional is None:
        raise SepzooError(
            f"expected a model that is built. Received: {name!r} (Sequential), which has no weights yet. "
            "Begin it with a keras.Input, or call its build(input_shape)."
        )
    return model._functional


def nodes(model: keras.Model) -> list[Node]:
    """Return Keras's record of each call of an operation in a model, in an order in which they can run.

    The order is that of `model.summary()`. Inputs are no calls; a nested model's call is one call.
    """
    graph = graph_of(model)
    order = {id(operation): position for position, operation in enumerate(graph.operations)}
    levels = graph._nodes_by_depth
    return [
        node
        for depth in sorted(levels, reverse=True)
        for node in sorted(levels[depth], key=lambda node: order[id(node.operation)])
        if not node.is_input
    ]


def replay(model: keras.Model, inputs: Tensors, call: Call, *, inside: bool = False) -> Tensors:
    """Repeat a model's calls on other inputs, each operation replaced by what `call` does.

    Args:
        model: a functional or a built Sequential model, which is only read.
        inputs: what stands for the model's inputs: the same structure, or a flat list.
        call: gets (operation, positional arguments, keyword arguments), where what stands for the model's tensors is
            filled in, and returns what stands for the operation's outputs.
        inside: whether `call` gets the calls inside of nested models, not those of these models themselves.

    Returns:
        What stands for the model's outputs, in their structure.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d"), keras.layers.ReLU(name="r")])
        >>> replay(model, ["x"], lambda operation, args, kwargs: f"{operation.name}({args[0]})")
        'r(d(x))'
    """
    graph = graph_of(model)
    if isinstance(inputs, dict) and not isinstance(graph.input, dict):
        inputs = [inputs[tensor.name] for tensor in graph.inputs]
    known = {id(tensor): value for tensor, value in zip(graph.inputs, keras.tree.flatten(inputs), strict=True)}
    calls = nodes(model)
    wanted = collections.Counter(id(tensor) for node in calls for tensor in node.arguments.keras_tensors)
    wanted.update(id(tensor) for tensor in graph.outputs)
    for node in calls:
        args, kwargs = node.arguments.fill_in(known)
        if inside and isinstance(node.operation, keras.Model):
            outputs = replay(node.operation, input_of(args, kwargs), call, inside=True)
        else:
            outputs = call(node.operation, args, kwargs)
        known.update(zip(map(id, node.outputs), keras.tree.flatten(outputs), strict=True))
        for tensor in node.arguments.keras_tensors:  # what nobody wants any more would fill the memory
            wanted[id(tensor)] -= 1
            if not wanted[id(tensor)]:
                del known[id(tensor)]
    return keras.tree.pack_sequence_as(graph.output, [known[id(tensor)] for tensor in graph.outputs])


def layers_of(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield each call's (name, layer) in the order of the graph, those of nested models as "model/layer".

    Example:
        >>> import keras
        >>> [name for name, _layer in layers_of(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")]))]
        ['d']
    """
    for node in nodes(model):
        name = prefix + node.operation.name
        if isinstance(node.operation, keras.Model):
            yield from layers_of(node.operation, f"{name}/")
        else:
            yield name, node.operation


def run(operation: Operation, args: Sequence[Tensors], kwargs: Options, *, training: bool = False) -> Tensors:
    """Call an operation as its model calls it: in inference mode.

    Called by itself a layer may act as in training (Keras's image augmentation does), and a call of the graph that says
    `training=True` is one in inference all the same where the model is run by `predict`.

    Args:
        operation: a layer or a function.
        args: of the call.
        kwargs: of the call.
        training: for training mode instead.

    Example:
        >>> import keras
        >>> x = keras.ops.ones((1, 4))
        >>> float(run(keras.layers.Dropout(0.99), (x,), {"training": True})[0, 0])
        1.0
    """
    return operation(*args, **{**kwargs, "training": training} if takes_training(operation) else kwargs)


def takes_training(operation: Operation) -> bool:
    """Return whether an operation's call knows training from inference."""
    return "training" in inspect.signature(operation.call).parameters


def input_of(args: Sequence[Tensors], kwargs: Kwargs) -> Tensors:
    """Return the first argument of a call that holds a tensor, however it was passed; a function goes before some."""
    values = [*args, *kwargs.values()]
    return next(
        (each for each in values if any(hasattr(leaf, "shape") for leaf in keras.tree.flatten(each))), values[0]
    )


class Origin(NamedTuple):
    """Where a symbolic tensor comes from.

    Attributes:
        operation: what made it: a layer, a nested model, or a function of `keras.ops`.
        inputs: the tensors that this call took; none for a model's own input.
        position: which of the call's outputs it is.
    """

    operation: Operation
    inputs: list[Tensor]
    position: int


def origin(tensor: Tensor) -> Origin:
    """Return where a symbolic tensor comes from.

    Example:
        >>> import keras
        >>> x = keras.Input((4,), name="x")
        >>> y = keras.layers.Dense(2, name="d")(x)
        >>> origin(y).operation.name, origin(y).inputs[0] is x
        ('d', True)
    """
    operation, call, position = tensor._keras_history
    return Origin(operation, operation._inbound_nodes[call].input_tensors, position)


def maker(tensor: Tensor) -> Operation:
    """Return the operation that made a symbolic tensor."""
    return tensor._keras_history.operation


def behind(tensors: Sequence[Tensor]) -> Iterator[tuple[Tensor, Origin]]:
    """Yield some symbolic tensors and all that they are computed from, in topological order.

    Example:
        >>> import keras
        >>> x = keras.Input((4,), name="x")
        >>> [origin.operation.name for _tensor, origin in behind([keras.layers.Dense(2, name="d")(x)])]
        ['x', 'd']
    """
    done: set[int] = set()
    stack = [(tensor, False) for tensor in reversed(tensors)]
    while stack:
        tensor, ready = stack.pop()
        if ready:
            yield tensor, origin(tensor)
        elif id(tensor) not in done:
            done.add(id(tensor))
            stack.append((tensor, True))
            stack += [(source, False) for source in reversed(origin(tensor).inputs)]


def chain_of(start: Tensor, end: Tensor) -> list[Layer] | None:
    """Return the layers between two symbolic tensors where each takes only what the one before it gives, or None."""
    layers: list[Layer] = []
    tensor = end
    while tensor is not start:
        operation, sources, _position = origin(tensor)
        if not isinstance(operation, keras.layers.Layer) or len(sources) != 1:
            return None
        layers.append(operation)
        tensor = sources[0]
    return layers[::-1]


def functions_between(start: Tensors, end: Tensor) -> list[Operation]:
    """Return the functions of `keras.ops`, which are no layers, between some tensors and another one."""
    found: dict[int, Operation] = {}
    tensors, seen = [end], {id(tensor) for tensor in keras.tree.flatten(start)}
    while tensors:
        tensor = tensors.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        operation, sources, _position = origin(tensor)
        if not isinstance(operation, keras.layers.Layer):
            found[id(operation)] = operation
        tensors += sources
    return list(found.values())


def _calls_itself(model: keras.Model) -> bool:
    """Return whether the model's class computes by a `call` of its own."""
    if not isinstance(model, keras.Sequential | keras.Function):
        return True
    author = next(cls for cls in type(model).__mro__ if "call" in vars(cls))
    return not author.__module__.startswith("keras.")
