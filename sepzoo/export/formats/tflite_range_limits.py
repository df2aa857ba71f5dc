"""The ranges of a calibrated file's tensors, widened to what runtimes can scale from one tensor to the next."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from sepzoo.inference.tflite_description import operator_name

_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
_SUMS = ("ADD", "SUB")
_SINGLE = ("MEAN", "AVERAGE_POOL_2D", "HARD_SWISH", "LEAKY_RELU", "PRELU")
_FIXED = {"LOGISTIC": 1.0, "SOFTMAX": 1.0, "TANH": 2.0}
"""Operators whose integers stand on steps that TFLite lays down, and the width of their range."""
_LARGEST = 2.0**7
"""A step of what an operator takes is at most so many of what it gives: half of what XNNPACK can do."""
_SMALLEST_TERM, _SMALLEST_PRODUCT = 2.0**-9, 2.0**-15
"""A step of a sum's term, or of a product, is at least such a share of one of what is given: twice XNNPACK's least.

For convolutions it has a smaller one; but a bias is counted in such steps, and 32 bits must hold it.
"""
_STEPS, _KERNEL_STEPS = 255, 127


def within_limits(content: bytes) -> bytes:
    """Return a calibrated float file in which no tensor's range is so narrow that XNNPACK can't open what it becomes.

    A ReLU that no calibration sample gets through, as trained networks have them, has a range of nothing, and a step of
    that is too small beside those of its neighbours. Its range then ends where it just can be opened, of which the
    samples see nothing: their zeros stay zeros.

    Args:
        content: what `sepzoo.export.formats.tflite_converter.calibrated` gave.
    """
    changed = bytearray(content)
    model = schema.Model.GetRootAs(changed, 0)
    for number in range(model.SubgraphsLength()):
        _Graph(model, model.Subgraphs(number)).widen()
    return bytes(changed)


def range_of(model: schema.Model, graph: schema.SubGraph, number: int) -> tuple[float, float] | None:
    """Return the lowest and highest value of a calibrated file's tensor; None where it is a constant, or has none."""
    tensor = graph.Tensors(number)
    steps = tensor.Quantization()
    if steps is None or steps.MinLength() != 1 or model.Buffers(tensor.Buffer()).DataLength():
        return None
    return float(steps.Min(0)), float(steps.Max(0))


def set_range(graph: schema.SubGraph, number: int, low: float, high: float) -> None:
    """Write the lowest and highest value of a tensor that has some over them."""
    steps = graph.Tensors(number).Quantization()
    steps.MinAsNumpy()[:], steps.MaxAsNumpy()[:] = low, high


@dataclasses.dataclass(frozen=True, eq=False)
class _Graph:
    """One graph of a calibrated file, whose ranges are changed where they lie."""

    model: schema.Model
    graph: schema.SubGraph

    def widen(self) -> None:
        """Widen ranges from the inputs on, and then what goes into sums and products, until none changes."""
        operators = [self.graph.Operators(number) for number in range(self.graph.OperatorsLength())]
        for _round in operators:
            changed = False
            for operator in operators:
                for tensor, least in self._least(operator):
                    changed = self._widened(tensor, least) or changed
            if not changed:
                return

    def _least(self, operator: schema.Operator) -> Iterator[tuple[int, float]]:
        """Yield tensors of an operator with the least widths that they must have."""
        kind, given = operator_name(self.model, operator), operator.Outputs(0)
        taken = [int(each) for each in operator.InputsAsNumpy() if each >= 0]
        widths = {each: width for each in taken if (width := self._width(each)) is not None}
        whole = self._width(given)
        if whole is None or not widths:
            return
        if kind in _FIXED:
            yield given, _FIXED[kind]
        elif kind in _KERNELS:
            [(source, width), *_others] = widths.items()
            kernel = max((self._largest(each) for each in taken if each not in widths), default=0.0) / _KERNEL_STEPS
            yield given, width * kernel / _LARGEST
            if kernel:
                yield source, whole * _SMALLEST_PRODUCT / kernel
        elif kind == "MUL" and len(taken) == 2:
            one, other = (widths.get(each, self._largest(each)) for each in taken)
            yield given, one * other / _STEPS / _LARGEST
            narrow = min(widths, key=widths.__getitem__)
            if one * other:
                yield narrow, widths[narrow] * _SMALLEST_PRODUCT * whole * _STEPS / (one * other)
        elif kind in (*_SUMS, *_SINGLE):
            yield given, max(widths.values()) / _LARGEST
            if kind in _SUMS:
                yield from ((each, whole * _SMALLEST_TERM) for each in widths)

    def _range(self, number: int) -> tuple[float, float] | None:
        """Return a tensor's range, zero included; None where it has none."""
        ends = range_of(self.model, self.graph, number)
        return None if ends is None else (min(ends[0], 0.0), max(ends[1], 0.0))

    def _width(self, number: int) -> float | None:
        ends = self._range(number)
        return None if ends is None else ends[1] - ends[0]

    def _largest(self, number: int) -> float:
        """Return the largest absolute number of a constant; 0 where it is no constant of floats."""
        tensor = self.graph.Tensors(number)
        data = self.model.Buffers(tensor.Buffer())
        if tensor.Type() != schema.TensorType.FLOAT32 or not data.DataLength():
            return 0.0
        return float(np.abs(data.DataAsNumpy().view("float32")).max())

    def _widened(self, number: int, least: float) -> bool:
        """Widen a tensor's range to a width on the sides that it has, and return whether that was needed."""
        ends = self._range(number)
        if ends is None or ends[1] - ends[0] >= least:
            return False
        low, high = ends
        wide, width = 1.01 * least, high - low  # so that rounding leaves it wide enough
        set_range(self.graph, number, *((low * wide / width, high * wide / width) if width else (0.0, wide)))
        return True
