"""The ranges of a calibrated file's tensors, drawn in to where rounding errs least."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from sepzoo.export.activation_ranges import Counted
from sepzoo.export.formats.batches import in_batches
from sepzoo.inference.tflite_interpreter import open_interpreter

_SAMPLES = 64
"""At most so many are looked at."""
_JUDGED = 256
"""At most so many are answered with either range."""
_SCORES = (schema.BuiltinOperator.SOFTMAX, schema.BuiltinOperator.LOGISTIC)
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
    right, before, after = (_outputs(each, shown) for each in (exact, rounded(content), rounded(drawn)))
    errors = [tuple(float(np.square(found[name] - right[name]).sum()) for found in (before, after)) for name in right]
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
    counted = {number: Counted(*each) for number, each in _ranges(model, first).items()}
    interpreter = open_interpreter(content, keep_all=True)
    places = _inputs(model)
    batch = int(first.Tensors(first.Inputs(0)).Shape(0))
    shown = {name: values[: max(_SAMPLES, batch)] for name, values in samples.items()}
    for feed in in_batches(shown, batch):
        for name, values in feed.items():
            interpreter.set_tensor(places[name] if len(feed) > 1 else first.Inputs(0), values)
        interpreter.invoke()
        for number, each in counted.items():
            each.add(interpreter.get_tensor(number))
    for number, each in counted.items():
        low, high = each.range_of_least_error()
        for graph in graphs:
            steps = graph.Tensors(number).Quantization()
            steps.MinAsNumpy()[:], steps.MaxAsNumpy()[:] = low, high
    return bytes(changed)


def _outputs(content: bytes, samples: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what a file's first signature gives, by the names of its outputs."""
    interpreter = open_interpreter(content)
    run = interpreter.get_signature_runner(next(iter(interpreter.get_signature_list())))
    taken = run.get_input_details()
    if len(taken) == 1:  # whatever its name has become in the file
        samples = dict(zip(taken, samples.values(), strict=True))
    batch = int(next(iter(taken.values()))["shape"][0])
    found = [run(**feed) for feed in in_batches(samples, batch)]
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


def _form(model: schema.Model, graph: schema.SubGraph) -> tuple[list[int], int]:
    """Return the kinds of a graph's operators and the number of its tensors."""
    return [_kind(model, graph.Operators(number)) for number in range(graph.OperatorsLength())], graph.TensorsLength()


def _kind(model: schema.Model, operator: schema.Operator) -> int:
    return int(model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode())


def _ranges(model: schema.Model, graph: schema.SubGraph) -> dict[int, tuple[float, float]]:
    """Return the lowest and highest value of each tensor whose range may be drawn in."""
    outputs = set(graph.OutputsAsNumpy())
    kept = outputs | set(graph.InputsAsNumpy())
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        if _kind(model, operator) in _SCORES and outputs & set(operator.OutputsAsNumpy()):
            kept |= set(operator.InputsAsNumpy())
    found = {}
    for number in set(range(graph.TensorsLength())) - kept:
        tensor = graph.Tensors(number)
        steps = tensor.Quantization()
        if steps is not None and steps.MinLength() == 1 and not model.Buffers(tensor.Buffer()).DataLength():
            found[number] = float(steps.Min(0)), float(steps.Max(0))
    return found


def _inputs(model: schema.Model) -> dict[str, int]:
    """Return the numbers of the first graph's inputs by their names."""
    signatures = (model.SignatureDefs(number) for number in range(model.SignatureDefsLength()))
    return {
        each.Inputs(place).Name().decode(): each.Inputs(place).TensorIndex()
        for each in signatures
        if each.SubgraphIndex() == 0
        for place in range(each.InputsLength())
    }
