"""What is in memory at once while a network runs: what each operator takes and gives, and what waits for others."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from sepzoo.layers.graph import graph_of, maker, nodes
from sepzoo.shrinking.network import Network
from sepzoo.support.types import Node, Tensor
from sepzoo.surgery.walk.runs import runs_of

_NO_OPERATOR = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.GaussianNoise,
    keras.layers.GaussianDropout,
    keras.layers.AlphaDropout,
    keras.layers.ActivityRegularization,
    keras.layers.Identity,
)
_RECTIFIERS = (keras.activations.relu, keras.activations.relu6)
_TAKES_RECTIFIER = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.Dense,
    keras.layers.Add,
    keras.layers.Subtract,
    keras.layers.Multiply,
)
"""Whose operators in a `.tflite` file rectify what they give."""
_NO_CONSTANTS = (
    keras.layers.Add,
    keras.layers.Subtract,
    keras.layers.Multiply,
    keras.layers.Maximum,
    keras.layers.Minimum,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.Softmax,
)
"""Whose operators take tensors alone, no numbers, axes or shapes that stand in the file."""
_PRODUCTS = (keras.activations.silu, keras.activations.mish)
"""Activations that are products of what they take and something of its size."""


@dataclasses.dataclass(frozen=True)
class Moment:
    """An operator at its turn.

    Attributes:
        name: of the layer or operation.
        layer: the layer whose candidates say what it takes and gives; None where that is counted here.
        fixed: bytes of channels that stay.
        groups: the number of a group of channels, and their bytes at each of its levels.
    """

    name: str
    layer: str | None
    fixed: int
    groups: tuple[tuple[int, tuple[int, ...]], ...] = ()

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Moment:
        """Return the moment of fields that JSON held."""
        return cls(**{**fields, "groups": tuple((number, tuple(values)) for number, values in fields["groups"])})

    def bytes(self, levels: Sequence[int]) -> int:
        """Return what is in memory at levels of the groups, beside what the layer's candidate says.

        Example:
            >>> Moment("add", None, 100, ((0, (64, 32)), (1, (16, 8)))).bytes([1, 0])
            148
        """
        return self.fixed + sum(each[levels[number]] for number, each in self.groups)


@dataclasses.dataclass(frozen=True, eq=False)
class _Values:
    """One tensor, as long as it is in memory; another of the same size is another one."""

    fixed: int
    groups: tuple[tuple[int, tuple[int, ...]], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class _Operator:
    name: str
    layer: str | None
    takes: tuple[_Values, ...]
    gives: tuple[_Values, ...]
    constants: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Turns:
    """The operators of a network in their order, as they will be in its file.

    Attributes:
        operators: with what each takes and gives.
        lasts: for what one takes or gives the place of the last operator that needs it.
        rectifiers: by the name of a layer that of the activation that its operator computes too.
    """

    operators: tuple[_Operator, ...]
    lasts: dict[_Values, int]
    rectifiers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def needed_later(self, layer: str) -> bool:
        """Return whether others need what a layer takes after it."""
        return any(
            self.lasts[each] > place
            for place, operator in enumerate(self.operators)
            if operator.layer == layer
            for each in operator.takes
        )

    def moments(self, layers: Collection[str], *, integers: bool) -> tuple[Moment, ...]:
        """Return what is in memory at each operator.

        Args:
            layers: whose candidates say themselves what they take and give.
            integers: whether a value takes one byte; else four.
        """
        item = 1 if integers else 4
        alive: dict[_Values, None] = {}
        found = []
        for place, operator in enumerate(self.operators):
            own = dict.fromkeys((*operator.takes, *operator.gives))
            alive |= own
            layer = operator.layer if operator.layer in layers else None
            counted = [each for each in alive if layer is None or each not in own]
            by_group: dict[int, np.ndarray] = {}
            for each in counted:
                for number, values in each.groups:
                    by_group[number] = by_group.get(number, 0) + np.array(values)
            groups = tuple((number, tuple((item * values).tolist())) for number, values in sorted(by_group.items()))
            found.append(Moment(operator.name, layer, item * sum(each.fixed for each in counted), groups))
            alive = {each: None for each in alive if self.lasts[each] > place}
        return tuple(found)


def turns_of(network: Network) -> Turns:
    """Return the operators of a network, without those that become no operator, or part of the one before."""
    walk = _Walk(network)
    inputs = [walk.values(tensor, tensor.shape[1:]) for tensor in graph_of(network.model).inputs]
    operators = [_Operator("the input", None, tuple(inputs), ())]
    outputs = walk.model(network.model, inputs, operators)
    operators = _in_order_of_file(operators)
    lasts = {each: place for place, one in enumerate(operators) for each in (*one.takes, *one.gives)}
    return Turns(tuple(operators), lasts | dict.fromkeys(outputs, len(operators)), walk.rectifiers)


def _in_order_of_file(operators: Sequence[_Operator]) -> list[_Operator]:
    """Return operators in the order in which TensorFlow's converter writes them, the input first.

    It walks from constants and inputs to what takes them, depth first and the last name first, and writes in reverse
    what it has left behind. So branches come by their names, each as late as its constants allow.
    """
    takers: dict[_Values, list[_Operator]] = {}
    for each in operators:
        for taken in each.takes:
            takers.setdefault(taken, []).append(each)

    def scope(operator: _Operator) -> str:
        return f"{operator.name}.1_1/"

    first, *others = operators
    left: list[_Operator] = []
    seen: set[_Operator] = set()
    work = [(each, False) for each in (first, *sorted((each for each in others if each.constants), key=scope))]
    while work:
        each, done = work.pop()
        if done:
            left.append(each)
        elif each not in seen:
            seen.add(each)
            gives = first.takes if each is first else each.gives
            after = {one: None for given in gives for one in takers.get(given, ()) if one is not first}
            work += [(each, True), *((one, False) for one in sorted(after, key=scope))]
    return left[::-1]


class _Walk:
    """Tensors on their way through the graph."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.names = {id(each.channels.layer): each.name for each in network.layers}
        self.rectifiers: dict[str, str] = {}
        self.runs = {key: iter(runs) for key, runs in runs_of(network.model).items()}

    def model(self, model: keras.Model, inputs: Sequence[_Values], operators: list[_Operator]) -> list[_Values]:
        """Add the operators of a model, and return what it gives."""
        graph, calls = graph_of(model), nodes(model)
        known = {id(tensor): each for tensor, each in zip(graph.inputs, inputs, strict=True)}
        needed = Counter(id(tensor) for call in calls for tensor in call.input_tensors)
        needed.update(id(tensor) for tensor in graph.outputs)
        for call in calls:
            takes = [known[id(tensor)] for tensor in call.input_tensors]
            operation = call.operation
            run = None if isinstance(operation, keras.Model) else next(self.runs[id(operation)])
            if run is None:
                gives = self.model(operation, takes, operators)
            elif _is_no_operator(call, needed):
                gives = takes
                layer = self.names.get(id(maker(call.input_tensors[0])))
                if layer is not None and not isinstance(operation, _NO_OPERATOR):
                    self.rectifiers[layer] = operation.name
            else:
                gives = [self.values(tensor, shape) for tensor, shape in zip(call.outputs, run.given, strict=True)]
                between = gives[:1] if getattr(operation, "activation", None) in _PRODUCTS else []
                own = (*gives, *(dataclasses.replace(each) for each in between))
                operators.append(
                    _Operator(operation.name, self.names.get(id(operation)), tuple(takes), own, _has_constants(call))
                )
            known |= {id(tensor): each for tensor, each in zip(call.outputs, gives, strict=True)}
        return [known[id(tensor)] for tensor in graph.outputs]

    def values(self, tensor: Tensor, shape: Sequence[int | None]) -> _Values:
        """Return the size at each level of the groups of its channels that a tensor has, in a shape for one sample."""
        channels = self.network.tensors.get(id(tensor), np.array([], int))
        size = math.prod(each or 1 for each in shape)
        if not len(channels):
            return _Values(size, ())
        places, left, groups = size // len(channels), len(channels), []
        for number, group in enumerate(self.network.groups):
            own = np.isin(channels, group.sets)
            if own.any():
                left -= int(own.sum())
                kept = [int((own & ~np.isin(channels, gone)).sum()) for gone in group.levels]
                groups.append((number, tuple(places * each for each in kept)))
        return _Values(places * left, tuple(groups))


def _has_constants(call: Node) -> bool:
    """Return whether numbers that stand in the file go into a call: weights, or an axis or a shape."""
    operation = call.operation
    return bool(getattr(operation, "weights", ())) or not isinstance(operation, _NO_CONSTANTS)


def _is_no_operator(call: Node, needed: Counter[int]) -> bool:
    """Return whether a call changes nothing in a file, or is done by the operator before it."""
    operation = call.operation
    if isinstance(operation, _NO_OPERATOR):
        return True
    if isinstance(operation, keras.layers.Activation):
        if operation.activation is keras.activations.linear:
            return True
        rectifies = operation.activation in _RECTIFIERS
    else:
        rectifies = (
            type(operation) is keras.layers.ReLU
            and operation.max_value in (None, 6)
            and not (operation.negative_slope or operation.threshold)
        )
    (taken, *others) = call.input_tensors
    return rectifies and not others and needed[id(taken)] == 1 and isinstance(maker(taken), _TAKES_RECTIFIER)
