"""The ranges of a calibrated file's tensors, drawn in to where rounding errs least."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from sepzoo.export.activation_ranges import Counted
from sepzoo.export.formats.tflite_range_limits import range_of, set_range, within_limits
from sepzoo.export.formats.tflite_run import count_of, one_by_one, outputs_of
from sepzoo.inference.tflite_description import operator_name
from sepzoo.inference.tflite_interpreter import open_interpreter
from sepzoo.support.progress import counted

_SAMPLES = 64
"""At most so many are looked at."""
_JUDGED = 256
"""At most so many are answered with either range."""
_SCORES = ("SOFTMAX", "LOGISTIC")
_CHANCE = 0.1
"""An error that falls by less than this share of it tells nothing."""


def narrowed_where_better(
    content: bytes, samples: dict[str, np.ndarray], *, exact: bytes, rounded: Callable[[bytes], bytes]
) -> bytes:
    """Return a calibrated file with ranges of least error where its outputs, once it is rounded, are nearer for that.

    So it is where activations have long tails; a ReLU6 has cut them off.

    Args:
        content: as `narrowed` takes it.
        samples: those that the ranges came from; both are compared on them.
        exact: a float file that gives what is right.
        rounded: makes a calibrated file one of integers with float edges.

    Returns:
        The other file where no output is farther from the right one, and one is nearer by more than chance.
    """
    drawn = narrowed(content, samples)
    shown = {name: values[:_JUDGED] for name, values in samples.items()}
    files = (exact, rounded(content), rounded(drawn))
    outputs = zip(*(outputs_of(each, shown) for each in files), strict=True)
    errors = [tuple(float(np.square(found - right).sum()) for found in both) for right, *both in outputs]
    nearer = any(new < (1 - _CHANCE) * old for old, new in errors)
    return drawn if nearer and all(new <= old for old, new in errors) else content


def narrowed(content: bytes, samples: dict[str, np.ndarray]) -> bytes:
    """Return a calibrated float file whose tensors have the ranges of least error instead of their extremes.

    Inputs and outputs keep theirs, and so do the logits of scores that are an output: of two classes beyond the end of
    a range nobody could tell which is first.

    Args:
        content: what `sepzoo.export.formats.tflite_converter.calibrated` gave. Of several graphs, which compute the
            same for several batch sizes, the first is looked at; where they differ in more, all stays.
        samples: those that the ranges came from, by the names of the inputs.
    """
    changed = bytearray(content)
    model = schema.Model.GetRootAs(changed, 0)
    graphs = [model.Subgraphs(number) for number in range(model.SubgraphsLength())]
    first, *others = graphs
    if any(_form(model, graph) != _form(model, first) for graph in others):
        return content
    ranges = {number: Counted(*each) for number, each in _ranges(model, first).items()}
    interpreter = open_interpreter(content, keep_all=True)
    shown = {name: values[:_SAMPLES] for name, values in samples.items()}
    for _outputs in counted(one_by_one(interpreter, shown), count_of(shown), "samples looked at for ranges"):
        for number, each in ranges.items():
            each.add(interpreter.get_tensor(number))
    for number, each in ranges.items():
        low, high = each.range_of_least_error()
        for graph in graphs:
            set_range(graph, number, low, high)
    return within_limits(bytes(changed))


def _operators(graph: schema.SubGraph) -> list[schema.Operator]:
    return [graph.Operators(number) for number in range(graph.OperatorsLength())]


def _form(model: schema.Model, graph: schema.SubGraph) -> tuple[list[str], int]:
    """Return the kinds of a graph's operators and the number of its tensors."""
    return [operator_name(model, each) for each in _operators(graph)], graph.TensorsLength()


def _ranges(model: schema.Model, graph: schema.SubGraph) -> dict[int, tuple[float, float]]:
    """Return the lowest and highest value of each tensor whose range may be drawn in.

    What no operator reads has no place in memory: the part of an LSTM's SPLIT that meets the state of zeros.
    """
    outputs, kept, read = set(graph.OutputsAsNumpy()), set(graph.InputsAsNumpy()), set[int]()
    for operator in _operators(graph):
        taken = set(operator.InputsAsNumpy())
        read |= taken
        if operator_name(model, operator) in _SCORES and outputs & set(operator.OutputsAsNumpy()):
            kept |= taken
    numbers = sorted(int(each) for each in read - kept - outputs if each >= 0)
    return {number: ends for number in numbers if (ends := range_of(model, graph, number)) is not None}
