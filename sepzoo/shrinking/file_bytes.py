"""Bytes of steps in a `.tflite` file: records of operators and tensors, their names, numbers and scales.

A file is a FlatBuffer, so that all of it can be counted, but for a few bytes of alignment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

from sepzoo.shrinking.steps import Step

_TENSOR = {True: 28, False: 24}
"""Of a tensor's record, of integers or float numbers."""
_POINTER = 4
_BUFFER = 4 + 2 * _POINTER
"""Of a buffer without data: its record, and its place in the list that the converter wrote and in the last one."""
_ALIGNMENT = 16
_DATA = 12
"""In front of a buffer's data: the rest of its record, and how long they are."""
_OPERATOR = {"conv": 24 + 16, "depthwise": 28 + 24, "dense": 24 + 8, "add": 28 + 8, "concat": 28 + 8}
"""Of an operator's record and its options."""
_KERNELS = {"conv": "/convolution", "depthwise": "/depthwise", "dense": "/MatMul", "add": "/Add", "concat": "/concat"}
_APART = "_activation"
"""What `simplified` calls activations."""
_ZEROS = len("arith.constant12")


@dataclasses.dataclass(frozen=True)
class Names:
    """How long names are in the file of a network.

    Attributes:
        layer: of a layer's operators, before what each of them computes.
        activation: of a rectifier that the layer's last operator computes too; 0 without one.
    """

    layer: int = 0
    activation: int = 0

    @classmethod
    def of(cls, model: str, layer: str, activation: str | None = None) -> Names:
        """Return those of a layer, with the layer or operation that rectifies what it gives.

        Example:
            >>> Names.of("small", "inner", "inner_relu")
            Names(layer=17, activation=28)
        """
        scopes = [len(f"{model}_1/{name}.1_1") for name in (layer, activation) if name is not None]
        return cls(scopes[0], sum(scopes[1:]) + len("/Relu;") * len(scopes[1:]))


def renamed_bytes(rectifiers: Mapping[str, str]) -> int:
    """Return what activations take that a network has within layers, as they become layers with names of their own.

    Args:
        rectifiers: by the name of a layer that of the activation that its operator computes too.
    """
    return sum(2 * len(own) - 2 * len(layer) for layer, own in rectifiers.items() if own == f"{layer}{_APART}")


@dataclasses.dataclass(frozen=True)
class _Tensors:
    integers: bool

    def size(self, rank: int, name: int, *, scales: int = 1, axis: bool = False, values: int = 0) -> int:
        """Return the bytes of a tensor with the length of its name; `values` are bytes of numbers in the file."""
        quantization = 4
        if self.integers:  # a scale of 4 bytes and a zero point of 8, which is aligned to them
            quantization = 12 + 4 * axis + (4 + 4 * scales) + (2 + 4 + 8 * scales)
        record = _TENSOR[self.integers] + _POINTER + (4 + 4 * rank) + _text(name) + quantization
        return record + _BUFFER + (_numbers(values) if values else 0)


def _text(length: int) -> int:
    return 4 + 4 * (length // 4 + 1)


def _numbers(size: int) -> int:
    return -(-(size + _DATA) // _ALIGNMENT) * _ALIGNMENT - 4


def total_bytes(
    steps: Iterable[Step], *, integers: bool, names: Names | None = None, sharers: Callable[[int], int] | None = None
) -> int:
    """Return what steps of one layer take in a file, with numbers as 8-bit integers or in float32.

    Args:
        steps: of one layer.
        integers: whether the numbers are.
        names: how long they are.
        sharers: of how many layers steps may give so many channels. Steps without a bias of their own take zeros,
            which stand in a file once for each number of channels; a layer's share lies between none and all of them.
    """
    row, names = list(steps), names or Names()
    alike = sharers or (lambda width: 1)
    found = sum(_step(each, integers, names, alike, last=each is row[-1]) for each in row)
    zeros = {each.outputs: each for each in row if each.weights and not each.again and _takes_zeros(each, integers)}
    for width, step in zeros.items():
        name = _zeros_name(step, names, alike)
        own = _numbers(4 * width) if integers else _Tensors(integers).size(1, name, values=4 * width)
        found += round(2 / (1 + alike(width)) * own)
    return found


def _takes_zeros(step: Step, integers: bool) -> bool:
    """Return whether a step without a bias of its own is given one of zeros; a dense one may be without."""
    return step.kind != "dense" and (step.bias == "none" or (step.bias == "zeros" and not integers))


def _zeros_name(step: Step, names: Names, sharers: Callable[[int], int]) -> int:
    """Return how long the name of a step's zeros is: nobody else's is called after the step."""
    return _ZEROS if sharers(step.outputs) > 1 else names.layer + len(step.name) + len(_KERNELS[step.kind]) + 1


def _step(step: Step, integers: bool, names: Names, sharers: Callable[[int], int], *, last: bool) -> int:
    tensors, rank = _Tensors(integers), 2 if step.kind == "dense" else 4
    before, own = names.activation if last else 0, names.layer + len(step.name)
    kernel = own + len(_KERNELS[step.kind])
    bare = step.kind == "dense" and step.bias == "none"
    biased = step.weights > 0 and not bare and not _takes_zeros(step, integers)
    whole, bias = before + kernel, own
    if biased and step.kind == "dense":
        whole, bias = whole + 1 + own + len("/BiasAdd"), before + own + len("/BiasAdd")
    elif biased:
        whole += 2 + 2 * own + len("/BiasAdd") + len("/Squeeze")
        bias = whole
    takes = 3 if step.weights else step.terms
    operator = _OPERATOR[step.kind] + _POINTER + (4 + 4 * takes) + 8
    given = operator + tensors.size(rank, whole + 1)
    if not step.weights or step.again:
        return given * step.runs
    item, scales = (1, step.outputs) if integers else (4, 0)
    constants = tensors.size(rank, kernel, scales=scales, axis=step.kind == "depthwise", values=item * step.weights)
    if biased:
        constants += tensors.size(1, bias, scales=scales, values=4 * step.outputs)
    elif integers and not bare:
        constants += tensors.size(1, _zeros_name(step, names, sharers), scales=scales)
    return given * step.runs + constants
