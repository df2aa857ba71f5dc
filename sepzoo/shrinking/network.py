"""A network as a choice: its layers, the groups of channels between them, and how many channels each may keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property

import keras
import numpy as np

from sepzoo.shrinking.simplifying import MIXING, simplified
from sepzoo.shrinking.steps import Step
from sepzoo.shrinking.ways import Window
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.approximate.dense_convolutions import DenseConv, keeper, runs_of
from sepzoo.surgery.pruning.anatomy import Slice, groups_of
from sepzoo.surgery.pruning.choosing import removable
from sepzoo.surgery.pruning.coupling import LayerChannels, couple
from sepzoo.surgery.pruning.importance import output_errors
from sepzoo.surgery.pruning.refitting import fits
from sepzoo.surgery.pruning.regressors import Place, bias_of, feature_batches, matrices_of, moments_of
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.plan import Plan

KEPT_SHARES = (0.875, 0.75, 0.625, 0.5, 0.375, 0.25)
MULTIPLE = 8
"""Kernels of TFLite are fast on multiples of so many channels."""


@dataclasses.dataclass(frozen=True, eq=False)
class Channels:
    """A group of channels of which some may go.

    Attributes:
        layers: names of the layers that give them.
        order: the sets of channels, the least important one first.
        gone: for each level how many of them go; level 0 keeps all.
    """

    layers: tuple[str, ...]
    order: np.ndarray
    gone: tuple[int, ...]

    def removed(self, level: int) -> np.ndarray:
        """Return the sets that go at a level."""
        return self.order[: self.gone[level]]

    def __str__(self) -> str:
        return ", ".join(self.layers)


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkLayer:
    """A layer with weights.

    Attributes:
        channels: the layer and the channels that it stands on.
        runs: how often it runs for one sample.
        source: the number of the group that its inputs are of; None where none of them may go.
        target: the same of its outputs.
        kept: whether it is to be computed as it is.
    """

    channels: LayerChannels
    runs: int
    source: int | None
    target: int | None
    kept: bool

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.channels.site.name

    @property
    def fitted(self) -> bool:
        """Whether its kernel is fitted to samples."""
        return is_fitted(self.channels)

    @cached_property
    def dense(self) -> DenseConv | None:
        """The record of a dense convolution; None of another layer."""
        return DenseConv.of(self.channels.site, self.runs) if type(self.channels.layer) is keras.layers.Conv2D else None

    @cached_property
    def window(self) -> Window:
        """A convolution's surroundings."""
        layer, call = self.channels.layer, self.channels.site.calls[0]
        taken, given = (tuple(tensor.shape[1:3]) for tensor in (call.inputs[0], call.outputs[0]))
        return Window(taken, given, layer.kernel_size, layer.strides, self.runs, layer.padding == "valid")

    def steps(self, inputs: int, outputs: int) -> tuple[Step, ...]:
        """Return what the layer as it is becomes with a number of channels; nothing where it costs nothing."""
        layer, call = self.channels.layer, self.channels.site.calls[0]
        if self.fitted and self.dense is not None:
            return (self.window.spatial(inputs, outputs),)
        if isinstance(layer, keras.layers.Dense):
            places = (int(np.prod(call.outputs[0].shape[1:-1])), 1)
            return (Step("dense", inputs, outputs, places, places, runs=self.runs),)
        if self.channels.anatomy.role == "channelwise" and hasattr(layer, "kernel_size"):
            return (self.window.spatial(outputs, outputs, depthwise=True),)
        return ()


def is_fitted(channels: LayerChannels) -> bool:
    """Return whether a layer's kernel can be fitted to samples: one dense map of not too many values."""
    return type(channels.layer) in MIXING and groups_of(channels.layer) == 1 and fits(channels)


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """A network in its simplified form.

    Attributes:
        model: that form.
        layers: those with weights, in the order of the graph.
        groups: of channels, whose levels are chosen.
        sets: how many sets of channels there are.
        tensors: by the `id` of each tensor of the graph the number of the set of each of its channels, -1 of those that
            stay.
    """

    model: keras.Model
    layers: tuple[NetworkLayer, ...]
    groups: tuple[Channels, ...]
    sets: int
    tensors: Mapping[int, np.ndarray] = dataclasses.field(default_factory=dict)

    def removed(self, levels: Sequence[int]) -> np.ndarray:
        """Return for each set of channels whether it goes, at a level of each group."""
        gone = np.zeros(self.sets, bool)
        for group, level in zip(self.groups, levels, strict=True):
            gone[group.removed(level)] = True
        return gone

    def kept(self, layer: NetworkLayer, source: int, target: int) -> Slice:
        """Return the inputs and outputs that a layer has at levels of its groups."""
        gone = np.zeros(self.sets + 1, bool)
        for number, level in ((layer.source, source), (layer.target, target)):
            if number is not None:
                gone[self.groups[number].removed(level)] = True
        return layer.channels.kept(gone)

    def counts(self, layer: NetworkLayer, source: int, target: int) -> tuple[int, int]:
        """Return how many inputs and outputs a layer has at levels of its groups."""
        kept = self.kept(layer, source, target)
        return len(kept.inputs), len(kept.outputs)

    def moments(self, layer: NetworkLayer, inputs: ModelInputs) -> Moments:
        """Return the moments of what a fitted layer looks at, and of what it gives."""
        own = layer.channels.layer
        matrix, bias = matrices_of(own)[0], bias_of(own)
        batches = feature_batches(inputs, Place(self.model, own, layer.runs))
        return moments_of(([(x, x @ matrix + bias)] for (x,) in batches), 1)[0]


def network_of(model: keras.Model, inputs: ModelInputs, *, prune: bool = True, keep: Sequence[str] = ()) -> Network:
    """Look at a network.

    Args:
        model: functional or Sequential, trained; it is only read.
        inputs: samples, by which channels are ranked.
        prune: whether channels may go.
        keep: names of layers that are computed as they are and whose outputs stay, with shell wildcards.

    Raises:
        SepzooError: what `simplified` raises, or a name that no layer has.
    """
    simple = simplified(model)
    plan = Plan(simple)
    kept = keeper(plan.sites, keep)
    coupling = couple(plan, kept)
    number_of = np.full(coupling.count + 1, -1)
    for number, group in enumerate(coupling.groups):
        number_of[group.sets] = number
    sides = [[_groups(number_of, ends) for ends in (each.inputs, each.outputs)] for each in coupling.layers]
    free = [prune and group.width == 1 for group in coupling.groups]
    for each, ends in zip(coupling.layers, sides, strict=True):
        for groups in ends:
            if len(groups) > 1 or not (is_fitted(each) or each.anatomy.role != "mixing"):
                for number in groups:
                    free[number] = False
    rankings = output_errors(simple, coupling, inputs) if any(free) else []
    found: list[Channels] = []
    numbers: dict[int, int] = {}
    for number, ranking in enumerate(rankings):
        size = len(ranking.sets)
        gone = {removable(ranking.group, round(size * (1 - share)), MULTIPLE) for share in KEPT_SHARES}
        levels = tuple(sorted({0, *gone}))
        if free[number] and len(levels) > 1:
            numbers[number] = len(found)
            found.append(Channels(ranking.group.layers, ranking.sets, levels))

    def number_at(ends: list[int]) -> int | None:
        return numbers.get(ends[0]) if ends else None

    runs = runs_of(simple)
    layers = tuple(
        NetworkLayer(each, runs[id(each.layer)], number_at(taken), number_at(given), kept(each.site))
        for each, (taken, given) in zip(coupling.layers, sides, strict=True)
    )
    return Network(simple, layers, tuple(found), coupling.count, coupling.tensors)


def _groups(number_of: np.ndarray, ends: np.ndarray) -> list[int]:
    return sorted({int(number) for number in number_of[ends] if number >= 0})
