"""What can be chosen for each layer: ways, times levels of the channels around it, each with costs and an error."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sepzoo.layers.factorization import Order
from sepzoo.shrinking.file_bytes import Names, total_bytes
from sepzoo.shrinking.known_ways import EVERY_TERM, Blueprint, Decoupled, Reduced, SmallerWindow, Spatial, way_of
from sepzoo.shrinking.layer_errors import LayerErrors
from sepzoo.shrinking.network import Channels, Network, NetworkLayer
from sepzoo.shrinking.plain_ways import ReducedDense, SmallerDepthwise
from sepzoo.shrinking.steps import Step, peak_values, total_macs
from sepzoo.shrinking.ways import KEEP, Way
from sepzoo.surgery.approximate.dense_convolutions import DenseConv

FEWEST_RANKS, RANKS = 6, 10
"""So many ranks are tried of each kind of factors, where so many are cheaper than the layer."""
LEAST_RANK = 1 / 16
"""As a share of the largest rank that is cheaper than the layer."""

TIMED_SHARES = (1.0, 0.75, 0.5)
"""Of the channels on each side of a layer, at which its ways are timed. Some 40 shapes are timed in a second: of two
ResNets there are 752 and 1,006 so, 1,055 and 1,712 with all seven widths, 402 and 560 with the whole one alone."""

Timed = Callable[[Step], float]
"""Returns the milliseconds of a step."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One choice for a layer.

    Attributes:
        way: name of the way in which it is computed, "keep" or one that `way_of` knows.
        levels: of the groups that its inputs and its outputs are of; 0 where none of them may go.
        macs: multiply-accumulates.
        bytes: that its operators and their numbers take in the file.
        latency_ms: of its operators; 0 where none was measured.
        ram_bytes: of what its operators take and give, as far as it is in memory at once.
        error: by how much the answers are expected to diverge, in nats.
    """

    way: str
    levels: tuple[int, int]
    macs: int
    bytes: int
    latency_ms: float
    ram_bytes: int
    error: float

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Candidate:
        """Return the candidate of fields that JSON held."""
        return cls(**{**fields, "levels": tuple(fields["levels"])})

    @property
    def values(self) -> tuple[float, ...]:
        """All that speaks against it."""
        return self.macs, self.bytes, self.latency_ms, self.ram_bytes, self.error


def is_of(techniques: Sequence[str], candidate: Candidate) -> bool:
    """Return whether a candidate takes nothing but some techniques."""
    if candidate.levels != (0, 0) and "channels" not in techniques:
        return False
    return candidate.way == KEEP or way_of(candidate.way).technique in techniques


def plainest(candidates: Iterable[Candidate]) -> Candidate:
    """Return the candidate of the least error: of one level it is what keeps the layer as it is."""
    return min(candidates, key=lambda each: each.error)


def expected(candidates: Iterable[Candidate]) -> float:
    """Return by how much the answers are expected to diverge with one candidate for each layer, in nats."""
    return sum(each.error for each in candidates)


def ways_for(layer: NetworkLayer, techniques: Sequence[str]) -> list[Way]:
    """Return the ways that are worth a look for a layer: those that take fewer multiply-accumulates or weights."""
    if layer.kept or layer.record is None:
        return []
    window = layer.windows[0]
    inputs, outputs = len(layer.channels.inputs), len(layer.channels.outputs)
    kept = _steps(layer, None, inputs, outputs)

    def cheaper(ways: Iterable[Way]) -> list[Way]:
        usable = (way for way in ways if way.technique in techniques and way.applies(window))
        return [way for way in usable if _cheaper(_steps(layer, way, inputs, outputs), kept)]

    def factors(way: type[Reduced | Spatial | ReducedDense], most: int) -> list[Way]:
        one = total_macs(_steps(layer, way(1), inputs, outputs))
        return cheaper(map(way, _ranks(min((total_macs(kept) - 1) // max(one, 1), most - 1))))

    if not layer.fitted:
        return cheaper([SmallerDepthwise()])
    if not isinstance(layer.record, DenseConv):
        return factors(ReducedDense, min(inputs, outputs))
    found: list[Way] = []
    area = math.prod(window.kernel_size)
    orders: tuple[tuple[Order, int], ...] = (("pw_dw", inputs), ("dw_pw", outputs))
    for order, vectors in orders:
        terms = cheaper(Decoupled(order, count) for count in range(1, min(area, vectors) + 1))
        found += [terms[number - 1] for number in _term_counts(len(terms))]
    found += cheaper([Blueprint(0), *map(Blueprint, _ranks((inputs * outputs - 1) // (inputs + outputs)))])
    for way in (Spatial, Reduced):
        found += factors(way, min(outputs, area * inputs))
    return found + cheaper([SmallerWindow()])


def _term_counts(most: int) -> list[int]:
    """Return numbers of terms from 1 to the most, of large ones each a fifth more than the one before.

    >>> _term_counts(17)
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17]
    """
    counts = list(range(1, min(most, EVERY_TERM) + 1))
    while counts and counts[-1] < most:
        counts.append(min(most, max(counts[-1] + 1, round(1.2 * counts[-1]))))
    return counts


def _ranks(most: int) -> list[int]:
    """Return ranks up to the most, as even as they can be: multiples of 8, 4 or 2 where there are enough of them.

    >>> _ranks(38), _ranks(5), _ranks(250)
    ([4, 8, 12, 16, 20, 24, 28, 32, 36], [1, 2, 3, 4, 5], [16, 24, 32, 40, 56, 72, 96, 136, 184, 248])
    """
    step = next((size for size in (8, 4, 2) if most >= FEWEST_RANKS * size), 1)
    count = most // step
    if count <= RANKS:
        return [step * number for number in range(1, count + 1)]
    even = np.geomspace(max(1.0, LEAST_RANK * count), count, RANKS)
    return sorted({step * round(number) for number in even.tolist()})


def _cheaper(steps: Sequence[Step], kept: Sequence[Step]) -> bool:
    return total_macs(steps) < total_macs(kept) or total_bytes(steps, integers=True) < total_bytes(kept, integers=True)


def candidates_of(
    network: Network,
    layer: NetworkLayer,
    ways: Sequence[Way],
    errors: LayerErrors | None,
    *,
    integers: bool,
    timed: Timed | None = None,
    keeps_input: bool = False,
    names: Names | None = None,
) -> list[Candidate]:
    """Return the choices for a layer that no other one beats in everything.

    Args:
        network: of which the layer is one.
        layer: the layer.
        ways: beside keeping it.
        errors: of a fitted layer; None of another one, which adds none.
        integers: whether the file has 8-bit integers.
        timed: the time of steps; None where none is wanted. With it other ways are combined with few widths, see
            `TIMED_SHARES`, as there would be too much to measure.
        keeps_input: whether others need what it takes after it.
        names: how long they are in the file.
    """
    found: list[Candidate] = []
    value_bytes = 1 if integers else 4
    for way, source, target in _choices(network, layer, ways, every_width=timed is None):
        inputs, outputs = network.counts(layer, source, target)
        rows = _rows(layer, way, inputs, outputs)
        sharers = functools.partial(_sharers, network, layer, inputs, outputs)
        steps = list(itertools.chain.from_iterable(rows))
        name = KEEP if way is None else str(way)
        found.append(
            Candidate(
                way=name,
                levels=(source, target),
                macs=total_macs(steps),
                bytes=sum(total_bytes(row, integers=integers, names=names, sharers=sharers) for row in rows),
                latency_ms=0.0 if timed is None else sum(map(timed, steps)),
                ram_bytes=max((peak_values(row, keeps_input=keeps_input) for row in rows), default=0) * value_bytes,
                error=0.0 if errors is None else errors.error(name, source, target),
            )
        )
    return _undominated(found)


def steps_to_time(network: Network, layer: NetworkLayer, ways: Sequence[Way]) -> Iterator[Step]:
    """Yield the steps whose times `candidates_of` asks for."""
    for way, source, target in _choices(network, layer, ways, every_width=False):
        yield from _steps(layer, way, *network.counts(layer, source, target))


def _sharers(network: Network, layer: NetworkLayer, inputs: int, outputs: int, width: int) -> int:
    """Return how many layers have as many inputs or outputs as this one has where it now has so many."""
    whole = {inputs: len(layer.channels.inputs), outputs: len(layer.channels.outputs)}.get(width)
    sides = ({len(each.channels.inputs), len(each.channels.outputs)} for each in network.layers if each.fitted)
    return max(1, sum(whole in each for each in sides))


def _rows(layer: NetworkLayer, way: Way | None, inputs: int, outputs: int) -> tuple[tuple[Step, ...], ...]:
    """Return the steps of a way for each size of images."""
    if way is None:
        return layer.rows(inputs, outputs)
    return tuple(way.steps(window, inputs, outputs) for window in layer.windows)


def _steps(layer: NetworkLayer, way: Way | None, inputs: int, outputs: int) -> list[Step]:
    return list(itertools.chain.from_iterable(_rows(layer, way, inputs, outputs)))


def _choices(
    network: Network, layer: NetworkLayer, ways: Sequence[Way], *, every_width: bool
) -> Iterator[tuple[Way | None, int, int]]:
    groups = [None if number is None else network.groups[number] for number in (layer.source, layer.target)]
    sources, targets = (range(1 if group is None else len(group.gone)) for group in groups)
    timed = [{0} if group is None else _timed_levels(group) for group in groups]
    same = layer.source is not None and layer.source == layer.target  # of a depthwise step, or around a sum
    return (
        (way, source, target)
        for way in (None, *ways)
        for source, target in itertools.product(sources, targets)
        if not same or source == target
        if every_width or way is None or (source in timed[0] and target in timed[1])
    )


def _timed_levels(group: Channels) -> set[int]:
    """Return the levels of a group at which there are about so many channels left."""
    left = [1 - gone / len(group.sets) for gone in group.gone]
    return {min(range(len(left)), key=lambda level: abs(left[level] - share)) for share in TIMED_SHARES}


def _undominated(found: Sequence[Candidate]) -> list[Candidate]:
    """Drop what another candidate of the same levels beats; of equal ones the first stays, and the layer as it is."""
    dropped: set[int] = set()
    by_levels: dict[tuple[int, int], list[int]] = {}
    for place, each in enumerate(found):
        by_levels.setdefault(each.levels, []).append(place)
    for places in by_levels.values():
        values = np.array([found[place].values for place in places])
        no_more = np.all(values[:, None] <= values, axis=2)  # whether one takes no more than another
        earlier = np.triu(np.ones_like(no_more), 1)
        beaten = np.any(no_more & (earlier | ~no_more.T), axis=0)
        dropped.update(np.array(places)[beaten].tolist())
    dropped.discard(0)  # other ways may be as good, where nothing that the layer gives reaches the answers
    return [each for place, each in enumerate(found) if place not in dropped]
