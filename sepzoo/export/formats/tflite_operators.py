"""The operators of a `.tflite` file: which layers they compute, and whether every runtime has them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from sepzoo.inference.tflite_description import operator_name
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.name_patterns import fits

_PLACE = re.compile(r"[^/;]+/([^/;]+?\.\d+)(?:_\d+)?(?:/|$)")
"""A step of a prepared network where the converter names a tensor: "pool.1" of "network_1/pool.1_1/Mean"."""

Change = tuple[np.ndarray, np.ndarray]
"""Weights as they were corrected, and as they were before."""


@dataclasses.dataclass(frozen=True)
class FileOperator:
    """One operator of a file.

    Attributes:
        tensor: name of the tensor that it computes.
        layers: names of the layers whose work it does: one, or several that were fused, the one with weights first
            where that is known.
        name: of its kind, such as "CONV_2D".
        steps: names that these layers have in the prepared network.
        output: number of the tensor.
    """

    tensor: str
    layers: tuple[str, ...]
    name: str = ""
    steps: tuple[str, ...] = ()
    output: int = 0


def operators_of(content: bytes, weighted: Collection[str] = (), last: str = "outputs") -> tuple[FileOperator, ...]:
    """Return the operators of a file's graphs in their order.

    Args:
        content: of a file that was converted from a prepared network.
        weighted: names of the layers that have weights.
        last: the layer of operators that are called by none, as those that compute an output are.
    """
    model = schema.Model.GetRootAs(content, 0)
    found = []
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for index in range(graph.OperatorsLength()):
            operator = graph.Operators(index)
            names = [_name(graph, tensor) for tensor in operator.OutputsAsNumpy()]
            inputs = [_name(graph, tensor) for tensor in operator.InputsAsNumpy() if tensor >= 0]
            constant = (name for name in inputs[1:])  # of a last operator the output's name tells nothing
            steps = steps_in(names) or steps_in(constant)
            layers = sorted(_without_numbers(steps) or (last,), key=lambda name: name not in weighted)
            kind = operator_name(model, operator)
            found.append(FileOperator(names[0], tuple(layers), kind, steps, operator.Outputs(0)))
    return tuple(found)


def layers_in(tensors: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the layers that stand in the names of tensors, each once.

    Example:
        >>> layers_in(["net_1/stem_relu.1_1/Relu;net_1/stem.1_1/convolution"])
        ('stem_relu', 'stem')
    """
    return _without_numbers(steps_in(tensors))


def steps_in(tensors: Iterable[str]) -> tuple[str, ...]:
    """Return the names that layers have in a prepared network and that stand in the names of tensors, each once.

    Example:
        >>> steps_in(["net_1/stem_relu.1_1/Relu;net_1/stem.1_1/convolution"])
        ('stem_relu.1', 'stem.1')
    """
    return tuple(dict.fromkeys(found[1] for name in tensors for found in _PLACE.finditer(name)))


def _without_numbers(steps: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in steps))


def chosen(operators: Sequence[FileOperator], patterns: Iterable[str], layers: Collection[str]) -> tuple[str, ...]:
    """Return the names of the tensors of the operators whose layers fit one of the patterns.

    Args:
        operators: of a file.
        patterns: names of layers, or shell patterns.
        layers: names of the layers of the model as it was given, those of nested models as "model/layer"; what became
            of one goes by its name too, with the nested model's before it or without.

    Raises:
        SepzooError: a pattern that fits no layer; the nearest are offered.
    """
    found: list[str] = []
    for pattern in patterns:
        fitting = [each.tensor for each in operators if any(_fits(name, pattern, layers) for name in each.layers)]
        if not fitting:
            raise _unknown_layer(pattern, {name for each in operators for name in each.layers})
        found += fitting
    return tuple(dict.fromkeys(found))


def require_layers(names: Collection[str], patterns: Iterable[str], layers: Collection[str]) -> None:
    """See, before there is a file, that each pattern fits a layer, as `chosen` takes it.

    Args:
        names: of the layers of the prepared network; a file has no others.
        patterns: names of layers, or shell patterns.
        layers: names of the layers of the model as it was given.

    Raises:
        SepzooError: a pattern that fits no layer; the nearest are offered.
    """
    for pattern in patterns:
        if not any(_fits(name, pattern, layers) for name in names):
            raise _unknown_layer(pattern, names)


def _unknown_layer(pattern: str, names: Collection[str]) -> SepzooError:
    return unknown("layer", pattern, names, "keep_float takes names of layers, and patterns such as 'block_1_*'.")


def _fits(name: str, pattern: str, layers: Collection[str]) -> bool:
    """Return whether a layer in the file, or that of the model which it is a part of, fits."""
    own = {each: each.rpartition("/")[2] for each in layers}
    called = max((each for each in own.values() if f"{name}_".startswith(f"{each}_")), key=len, default=name)
    owners = [path for path, each in own.items() if each == called]
    return any(fits(each, pattern) for each in (name, called, *owners))


def with_own_weights(content: bytes, tensors: Collection[str], corrected: Mapping[str, Collection[Change]]) -> bytes:
    """Return a float file in which operators that stay float have the weights that their layers had before correction.

    Args:
        content: of the file.
        tensors: names of those that these operators compute.
        corrected: name of a layer -> its kernel and its bias, both as the file stores them.
    """
    if not tensors or not corrected:
        return content
    changed = bytearray(content)
    model = schema.Model.GetRootAs(changed, 0)
    done: set[int] = set()  # graphs share their buffers
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for index in range(graph.OperatorsLength()):
            operator = graph.Operators(index)
            if _name(graph, operator.Outputs(0)) not in tensors:
                continue
            weights = [tensor for tensor in operator.InputsAsNumpy()[1:] if tensor >= 0]
            layers = layers_in([_name(graph, operator.Outputs(0)), *(_name(graph, tensor) for tensor in weights)])
            changes = [change for layer in layers for change in corrected.get(layer, ())]
            for place in {graph.Tensors(tensor).Buffer() for tensor in weights} - done:
                buffer = model.Buffers(place)
                for new, own in changes:
                    if (
                        buffer.DataLength() == new.nbytes
                        and (buffer.DataAsNumpy().view(new.dtype) == new.ravel()).all()
                    ):
                        buffer.DataAsNumpy()[:] = np.frombuffer(own.tobytes(), np.uint8)
                        done.add(place)
                        break
    return bytes(changed)


def require_built_in(content: bytes, network: str) -> None:
    """Raise where a file has an operator that not every runtime has: TensorFlow's own ("Flex"), or a custom one.

    Raises:
        SepzooError: there is such an operator; it is named.
    """
    model = schema.Model.GetRootAs(content, 0)
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    names = sorted({code.CustomCode().decode(errors="replace") for code in codes if code.CustomCode()})
    if names:
        raise SepzooError(
            f"expected operators of TFLite alone. Received: {', '.join(names)} for {network}, which only runtimes that "
            "link TensorFlow's operators or your own can run. Put other layers in their place."
        )


def _name(graph: schema.SubGraph, tensor: int) -> str:
    return str(graph.Tensors(tensor).Name().decode(errors="replace"))
