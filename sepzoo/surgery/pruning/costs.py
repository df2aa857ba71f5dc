"""What a model costs without some of its channels, as `analysis.profile` will count it."""

from __future__ import annotations

import math
from collections import Counter

import keras
import numpy as np

from sepzoo.analysis.profiling import measure
from sepzoo.layers.keras_convolutions import SEPARABLE
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.pruning.coupling import Coupling, LayerChannels


class Costs:
    """Multiply-accumulates of a model while sets of channels are taken out of it.

    Attributes:
        whole: those of the whole model.
        macs: those of what is left.
    """

    def __init__(self, model: keras.Model, coupling: Coupling) -> None:
        """Count a model.

        Raises:
            SepzooError: it leaves sizes open.
        """
        counts: Counter[int] = Counter()
        try:
            for operation, record, _known in measure(model):
                counts[id(operation)] += record.macs
        except SepzooError as error:
            raise SepzooError(
                f"expected a model of known input size, as channels are chosen by what they cost. Received: {error}"
            ) from error
        self.whole = self.macs = sum(counts.values())
        self._priced = [_LayerCost(each, counts[id(each.layer)]) for each in coupling.layers if counts[id(each.layer)]]
        self._users: list[list[_LayerCost]] = [[] for _ in range(coupling.count)]
        for layer in self._priced:
            for number in layer.sets:
                self._users[number].append(layer)

    def saved(self, sets: np.ndarray) -> int:
        """Return the multiply-accumulates that go if these sets of channels are taken out next."""
        users = {id(layer): layer for number in sets.tolist() for layer in self._users[number]}
        return sum(layer.macs() - layer.macs(sets) for layer in users.values())

    def remove(self, sets: np.ndarray) -> None:
        """Take sets of channels out."""
        self.macs -= self.saved(sets)
        for layer in {id(layer): layer for number in sets.tolist() for layer in self._users[number]}.values():
            layer.remove(sets)


class _LayerCost:
    """A layer's multiply-accumulates, which are proportional to its inputs, its outputs, or both."""

    def __init__(self, channels: LayerChannels, macs: int) -> None:
        self.inputs, self.outputs = len(channels.inputs), len(channels.outputs)
        self._taken, self._given = (Counter(each.tolist()) for each in (channels.inputs, channels.outputs))
        self.sets = {number for number in {*self._taken, *self._given} if number >= 0}
        layer = channels.layer
        self._channelwise = channels.anatomy.role == "channelwise"
        self._of_inputs = 0
        if isinstance(layer, SEPARABLE):
            area = math.prod(layer.kernel_size)
            self._of_inputs = macs * area // (area + layer.filters)
        self._of_both = macs - self._of_inputs
        self._full_inputs, self._full_outputs = self.inputs, self.outputs

    def macs(self, without: np.ndarray | None = None) -> int:
        """Return the count, also without further sets of channels."""
        inputs, outputs = self.inputs, self.outputs
        if without is not None:
            inputs -= sum(self._taken[number] for number in without.tolist())
            outputs -= sum(self._given[number] for number in without.tolist())
        if self._channelwise:
            return self._of_both * outputs // self._full_outputs
        both = self._of_both * inputs * outputs // (self._full_inputs * self._full_outputs)
        return self._of_inputs * inputs // self._full_inputs + both

    def remove(self, sets: np.ndarray) -> None:
        """Take sets of channels out."""
        self.inputs -= sum(self._taken[number] for number in sets.tolist())
        self.outputs -= sum(self._given[number] for number in sets.tolist())
