"""A network as a choice: its layers, the groups of channels between them, and how many channels each may keep."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import keras
import numpy as np

from sepzoo.shrinking.channel_moments import channel_moments
from sepzoo.shrinking.records import Record, record_of
from sepzoo.shrinking.simplifying import MIXING, narrows, simplified
from sepzoo.shrinking.steps import Step
from sepzoo.shrinking.ways import Window
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.approximate.dense_convolutions import keeper
from sepzoo.surgery.pruning.anatomy import Slice, groups_of
from sepzoo.surgery.pruning.choosing import removable
from sepzoo.surgery.pruning.coupling import LayerChannels, couple
from sepzoo.surgery.pruning.importance import Ranking, output_errors
from sepzoo.surgery.pruning.refitting import fits
from sepzoo.surgery.pruning.regressors import bias_of, feature_batches, matrices_of, moments_of
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.runs import Run, runs_of

KEPT_SHARES = (0.875, 0.75, 0.625, 0.5, 0.375, 0.25)
MULTIPLE = 8
"""Kernels of TFLite are fast on multiples of so many channels."""


@dataclasses.dataclass(frozen=True, eq=False)
class Channels:
    """Channels of which some may go: a group, or several that meet where a layer takes all of them.

    Attributes:
        layers: names of the layers that give them.
        sets: the sets of channels.
        levels: the sets that go at each level, the least important ones of each group; level 0 keeps all.
    """

    layers: tuple[str, ...]
    sets: np.ndarray
    levels: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, rankings: Sequence[Ranking]) -> Channels:
        """Return groups whose channels go together, each group's by the same share."""
        levels = {}
        for share in (1.0, *KEPT_SHARES):
            counts = [removable(each.group, round(len(each.sets) * (1 - share)), MULTIPLE) for each in rankings]
            gone = [each.sets[:count] for each, count in zip(rankings, counts, strict=True)]
            levels[sum(counts)] = np.concatenate(gone)
        return cls(
            tuple(itertools.chain.from_iterable(each.group.layers for each in rankings)),
            np.concatenate([each.sets for each in rankings]),
            tuple(levels[count] for count in sorted(levels)),
        )

    @property
    def gone(self) -> tuple[int, ...]:
        """How many sets go at each level."""
        return tuple(map(len, self.levels))

    def removed(self, level: int) -> np.ndarray:
        """Return the sets that go at a level."""
        return self.levels[level]

    def __str__(self) -> str:
        return ", ".join(self.layers)


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkLayer:
    """A layer with weights.

    Attributes:
        channels: the layer and the channels that it stands on.
        runs: what it takes and gives whenever it runs for one sample.
        source: the number of the group that its inputs are of; None where none of them may go.
        target: the same of its outputs.
        kept: whether it is to be computed as it is.
    """

    channels: LayerChannels
    runs: Sequence[Run]
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

    @property
    def judged(self) -> bool:
        """Whether what it does to the answers is looked at: it is fitted, or may get a smaller window."""
        return self.fitted or narrows(self.channels.layer)

    @cached_property
    def record(self) -> Record | None:
        """What ways need to know of it; None where there are none."""
        return record_of(self.channels.site, self.runs) if self.judged else None

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """A layer's surroundings, for each size of what comes to it; series, and all of dense ones, are of width 1."""
        layer = self.channels.layer
        if isinstance(layer, keras.layers.Dense):
            rows = Counter((math.prod(run.given[0][:-1]), 1) for run in self.runs)
            return tuple(
                Window(places, places, (1, 1), (1, 1), runs, valid=True, again=number > 0)
                for number, (places, runs) in enumerate(rows.items())
            )
        kernel_size, strides = (_pair(each) for each in (layer.kernel_size, layer.strides))
        sizes = Counter((_pair(run.taken[:-1]), _pair(run.given[0][:-1])) for run in self.runs)
        return tuple(
            Window(taken, given, kernel_size, strides, runs, layer.padding == "valid", again=number > 0)
            for number, ((taken, given), runs) in enumerate(sizes.items())
        )

    def rows(self, inputs: int, outputs: int) -> tuple[tuple[Step, ...], ...]:
        """Return what the layer as it is becomes with a number of channels, for each size of images.

        Nothing where it costs nothing.
        """
        layer = self.channels.layer
        if self.fitted and type(layer) is keras.layers.Conv2D:
            return tuple((window.spatial(inputs, outputs),) for window in self.windows)
        if isinstance(layer, keras.layers.Dense):
            return tuple((window.dense(inputs, outputs),) for window in self.windows)
        if self.channels.anatomy.role == "channelwise" and hasattr(layer, "kernel_size"):
            return tuple((window.spatial(outputs, outputs, depthwise=True),) for window in self.windows)
        return ()


def _pair(sizes: Sequence[int]) -> tuple[int, int]:
    """Return sizes of images as they are, of series as those of width 1."""
    rows, *columns = sizes
    return rows, *(columns or (1,))


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

    def moments(self, layer: NetworkLayer, come: LayerInputs) -> Moments:
        """Return the moments of what a layer that is judged looks at, and of what it gives.

        Args:
            layer: the layer.
            come: what comes to the layers of this network's model.
        """
        own = layer.channels.layer
        if narrows(own):
            return channel_moments(come, own)
        matrix, bias = matrices_of(own)[0], bias_of(own)
        return moments_of(([(x, x @ matrix + bias)] for (x,) in feature_batches(come, own)), 1)[0]


def network_of(
    model: keras.Model,
    inputs: ModelInputs,
    *,
    prune: bool = True,
    keep: Sequence[str] = (),
    known: Iterable[Channels] | None = None,
) -> Network:
    """Look at a network.

    Args:
        model: functional or Sequential, trained; it is only read.
        inputs: samples, by which channels are ranked.
        prune: whether channels may go.
        keep: names of layers that are computed as they are and whose outputs stay, with shell wildcards.
        known: the groups of channels as they were ranked before, by the same samples; None: they are ranked.

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
    fixed = {number for number, group in enumerate(coupling.groups) if not prune or group.width > 1}
    for each, ends in zip(coupling.layers, sides, strict=True):
        if not (is_fitted(each) or each.anatomy.role != "mixing"):
            fixed.update(*ends)
    together = _together(set(range(len(coupling.groups))) - fixed, itertools.chain.from_iterable(sides))
    if known is None:
        rankings = output_errors(simple, coupling, inputs) if together else []
        ranked = (Channels.of([rankings[number] for number in meeting]) for meeting in together)
        known = [each for each in ranked if len(each.levels) > 1]
    found = list(known)
    meetings = {number: meeting for meeting in together for number in meeting}
    numbers: dict[int, int] = {}
    for number, channels in enumerate(found):
        numbers |= dict.fromkeys(meetings[number_of[channels.sets[0]]], number)

    def number_at(ends: list[int]) -> int | None:
        return next((numbers[number] for number in ends if number in numbers), None)

    runs = runs_of(simple)
    layers = tuple(
        NetworkLayer(each, runs[id(each.layer)], number_at(taken), number_at(given), kept(each.site))
        for each, (taken, given) in zip(coupling.layers, sides, strict=True)
    )
    return Network(simple, layers, tuple(found), coupling.count, coupling.tensors)


def _together(free: set[int], ends: Iterable[Sequence[int]]) -> list[list[int]]:
    """Return the numbers of groups in lists of those that meet at an end of a layer."""
    found = [{number} for number in free]
    for numbers in ends:
        meeting = [each for each in found if each.intersection(numbers)]
        found = [each for each in found if each not in meeting] + ([set().union(*meeting)] if meeting else [])
    return sorted(map(sorted, found))


def _groups(number_of: np.ndarray, ends: np.ndarray) -> list[int]:
    return sorted({int(number) for number in number_of[ends] if number >= 0})
