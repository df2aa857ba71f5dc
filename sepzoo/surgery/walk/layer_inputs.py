"""What comes to the layers of a model when it runs on samples, without a run for each of them."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

import keras
import numpy as np

from sepzoo.layers.graph import input_of, replay, run
from sepzoo.support.types import Args, Kwargs, Layer, Operation, Tensors
from sepzoo.surgery.walk.model_inputs import ModelInputs

BATCH = 32
MOST_BYTES = 512 * 2**20
"""More than that isn't kept of all samples together: the model then runs from further ahead again."""
_GONE = np.zeros(())
"""Stands for what a call gave that no later call takes."""


class LayerInputs:
    """What comes to one layer after the other, in the order of the graph.

    What the calls before a layer gave is kept for the next layer, so that all layers together take about one run of the
    model. The weights of that layer, and of those behind it, may be changed in between. One that comes before it may be
    asked for as well: the model then runs from its inputs again.

    Args:
        model: functional or Sequential.
        inputs: samples as it takes them.
        most: bytes that are kept.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU(name="r"), keras.layers.Dense(2, name="d")])
        >>> come = LayerInputs(model, ModelInputs((np.array([[-1.0, 1.0, 2.0, 3.0]]),)))
        >>> [[x.tolist() for x in batch] for batch in come.of(model.get_layer("d"))]
        [[[[0.0, 1.0, 2.0, 3.0]]]]
    """

    def __init__(self, model: keras.Model, inputs: ModelInputs, *, most: int = MOST_BYTES) -> None:
        self._model, self._inputs, self._most = model, inputs, most
        self._known = [_Known() for _start in range(0, len(inputs), BATCH)]

    def of(self, layer: Layer) -> Iterator[list[np.ndarray]]:
        """Yield for each batch of samples what comes to a layer of the model, one array for each time it runs."""
        keeps = self._calls.bytes_at(self._calls.first[id(layer)]) * len(self._inputs) <= self._most
        for start, known in zip(range(0, len(self._inputs), BATCH), self._known, strict=True):
            yield self._of_batch(layer, self._inputs[start : start + BATCH], known, keeps=keeps)

    @cached_property
    def _calls(self) -> _Calls:
        return _Calls.of(self._model, self._inputs[:1])

    def _of_batch(self, layer: Layer, batch: ModelInputs, known: _Known, *, keeps: bool) -> list[np.ndarray]:
        first, runs = self._calls.first[id(layer)], self._calls.runs[id(layer)]
        if known.calls > first:
            known.calls, known.values = 0, {}
        numbers, found, new = itertools.count(), [], dict(known.values)

        def call(operation: Operation, args: Args, kwargs: Kwargs) -> Tensors:
            number = next(numbers)
            if number < known.calls:
                return known.values.get(number, self._calls.blanks[number])
            if operation is layer:
                found.append(keras.ops.convert_to_numpy(keras.ops.cast(input_of(args, kwargs), "float32")))
                if len(found) == runs:
                    raise _SeenAllError
            outputs = run(operation, args, kwargs)
            if keeps and number < first <= self._calls.last[number]:
                new[number] = keras.tree.map_structure(keras.ops.stop_gradient, outputs)
            return outputs

        with contextlib.suppress(_SeenAllError):
            replay(self._model, batch.tensors(), call, inside=True)
        if keeps:
            known.calls = first
            known.values = {number: value for number, value in new.items() if self._calls.last[number] >= first}
        return found


class _SeenAllError(Exception):
    """The layer has been reached as often as it runs: the rest of the model need not be run."""


@dataclasses.dataclass
class _Known:
    """What is kept of a batch: the outputs of the first calls, by their number, that later ones take."""

    calls: int = 0
    values: dict[int, Tensors] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class _Calls:
    """The calls of a model, in their order.

    Attributes:
        first: by the `id` of each layer, the number of its first call.
        runs: how often it is called.
        last: for each call the number of the last one that takes what it gives, or its own.
        blanks: what stands for the outputs of each once none takes them any more.
        sizes: bytes of the outputs of each, for one sample.
    """

    first: dict[int, int] = dataclasses.field(default_factory=dict)
    runs: Counter[int] = dataclasses.field(default_factory=Counter)
    last: list[int] = dataclasses.field(default_factory=list)
    blanks: list[Tensors] = dataclasses.field(default_factory=list)
    sizes: list[int] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, model: keras.Model, sample: ModelInputs) -> _Calls:
        """Run one sample through a model."""
        found = cls()
        makers: dict[int, list[int]] = {}  # several, where a layer gives what it takes
        alive = []  # so that no `id` is used twice

        def call(operation: Operation, args: Args, kwargs: Kwargs) -> Tensors:
            number = len(found.last)
            found.first.setdefault(id(operation), number)
            found.runs[id(operation)] += 1
            for leaf in keras.tree.flatten([args, kwargs]):
                for maker in makers.get(id(leaf), ()):
                    found.last[maker] = number
            outputs = run(operation, args, kwargs)
            given = keras.tree.flatten(outputs)
            for leaf in given:
                makers.setdefault(id(leaf), []).append(number)
            alive.extend(given)
            found.last.append(number)
            found.blanks.append(keras.tree.map_structure(lambda _leaf: _GONE, outputs))
            found.sizes.append(sum(keras.ops.convert_to_numpy(leaf).nbytes for leaf in given))
            return outputs

        replay(model, sample.tensors(), call, inside=True)
        return found

    def bytes_at(self, number: int) -> int:
        """Return the bytes, for one sample, of what the calls before one gave to it and to later ones."""
        return sum(size for size, last in zip(self.sizes[:number], self.last[:number], strict=True) if last >= number)
