"""How much an error in a layer's outputs matters: the Fisher information of the network's own answers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from sepzoo.layers.graph import replay, run
from sepzoo.records.outputs import Output
from sepzoo.shrinking.divergence import half_way
from sepzoo.shrinking.network import Network, NetworkLayer
from sepzoo.support.progress import counted
from sepzoo.support.types import Args, Kwargs, Operation, Tensor, Tensors
from sepzoo.surgery.pruning.gradients import gradient
from sepzoo.surgery.walk.model_inputs import ModelInputs

PROBES = 4
"""Random directions in the space of answers, for each sample."""
MOST_VALUES = 2**25
"""So many outputs of layers are looked at together."""


def fisher_information(
    network: Network, inputs: ModelInputs, outputs: Sequence[Output], variances: Sequence[float]
) -> dict[str, np.ndarray]:
    """Return the information of the outputs of each layer that is judged, by its name: (outputs,), summed over places.

    An error e of variance v in one output, independent from place to place, changes the answers by the divergence
    information * v / 2. No labels are needed: the squared gradient is taken in random directions of coordinates in
    which the divergence is half the squared length.

    Args:
        network: of which the layers are.
        inputs: samples as its model takes them.
        outputs: what it gives.
        variances: of each output, see `sepzoo.shrinking.divergence.variances`.
    """
    places = {id(each.channels.layer): each for each in network.layers if each.judged}
    total = sum(_values(each) for each in places.values())
    batch = int(np.clip(MOST_VALUES // max(total, 1), 1, 32))
    found = {each.name: np.zeros(each.runs[0].given[0][-1]) for each in places.values()}
    generator = np.random.default_rng(0)
    starts = range(0, len(inputs), batch)
    for start in counted(starts, len(starts), "batches of gradients"):
        part = inputs[start : start + batch]
        for _probe in range(PROBES):
            marks: list[tuple[str, int, int]] = []

            def value(taps: Tensor, part: ModelInputs = part, marks: list[tuple[str, int, int]] = marks) -> Tensor:
                given = _tapped(network.model, part, taps, places, marks)
                return sum(
                    _probed(half_way(output, each, variance), generator)
                    for output, each, variance in zip(outputs, given, variances, strict=True)
                )

            squares = gradient(value, np.zeros((len(part), total), "float32")).astype("float64") ** 2
            for name, first, size in marks:
                found[name] += squares[:, first : first + size].reshape(-1, len(found[name])).sum(axis=0)
    return {name: values / (len(inputs) * PROBES) for name, values in found.items()}


def _values(layer: NetworkLayer) -> int:
    """Return how many values a layer gives in all its runs for one sample."""
    return sum(math.prod(run.given[0]) for run in layer.runs)


def _tapped(
    model: keras.Model,
    inputs: ModelInputs,
    taps: Tensor,
    places: dict[int, NetworkLayer],
    marks: list[tuple[str, int, int]],
) -> list[Tensor]:
    """Run a model with something added to what each place gives; `marks` gets which part was added where."""
    marks.clear()

    def call(operation: Operation, args: Args, kwargs: Kwargs) -> Tensors:
        given = run(operation, args, kwargs)
        if id(operation) not in places:
            return given
        first, size = sum(each[2] for each in marks), int(np.prod(given.shape[1:]))
        marks.append((places[id(operation)].name, first, size))
        return given + ops.cast(ops.reshape(taps[:, first : first + size], given.shape), given.dtype)

    with keras.StatelessScope():
        return keras.tree.flatten(replay(model, inputs.tensors(), call, inside=True))


def _probed(values: Tensor, generator: np.random.Generator) -> Tensor:
    signs = generator.choice(np.array([-1.0, 1.0], "float32"), values.shape)
    return ops.sum(values * ops.convert_to_tensor(signs))
