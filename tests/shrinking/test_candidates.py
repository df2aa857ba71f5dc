"""Which ways a layer has, beside a count of what they may cost, and which choices are dropped."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import astuple, replace

import keras
import numpy as np
import pytest

from sepzoo.shrinking import candidates
from sepzoo.shrinking.candidates import Candidate, ways_for
from sepzoo.shrinking.known_ways import Blueprint, Decoupled
from sepzoo.shrinking.network import Network, NetworkLayer, network_of
from sepzoo.shrinking.steps import total_macs
from sepzoo.surgery.walk.model_inputs import model_inputs


def layer_of(layer: keras.layers.Layer, shape: tuple[int, ...]) -> tuple[Network, NetworkLayer]:
    model = keras.Sequential([keras.Input(shape), layer])
    network = network_of(model, model_inputs(model, np.zeros((2, *shape))), prune=False)
    return network, network.layers[0]


@pytest.mark.parametrize(("size", "inputs", "outputs"), [(5, 64, 64), (5, 32, 96), (3, 64, 128), (3, 3, 16)])
def test_terms_go_as_far_as_they_are_cheaper(size: int, inputs: int, outputs: int) -> None:
    _network, layer = layer_of(keras.layers.Conv2D(outputs, size, padding="same"), (8, 8, inputs))
    found = ways_for(layer, ["decouple"])
    area = size**2
    for order, between, vectors in (("pw_dw", outputs, inputs), ("dw_pw", inputs, outputs)):
        counts = [way.count for way in found if isinstance(way, Decoupled) and way.order == order]
        most = min((area * inputs * outputs - 1) // (inputs * outputs + area * between), area, vectors)
        assert counts[-1] >= most  # more of them may save bytes alone
        assert counts[-1] <= vectors
        assert counts[:6] == list(range(1, len(counts[:6]) + 1))
        assert all(one < two <= math.ceil(1.25 * one) for one, two in itertools.pairwise(counts[5:]))


def test_what_another_beats_is_dropped_and_nothing_else() -> None:
    """Against the definition, pair by pair."""
    random = np.random.default_rng(0)
    found = [
        Candidate("keep" if place == 0 else f"rank {place}", tuple(levels), *values, error=float(error))
        for place, (levels, values, error) in enumerate(
            zip(
                random.integers(2, size=(200, 2)).tolist(),
                random.integers(4, size=(200, 4)).tolist(),
                random.integers(4, size=200),
                strict=True,
            )
        )
    ]

    def beaten(place: int) -> bool:
        own = astuple(found[place])[2:]
        for number, other in enumerate(found):
            its = astuple(other)[2:]
            if number != place and other.levels == found[place].levels:
                no_more = all(one <= two for one, two in zip(its, own, strict=True))
                if no_more and (its != own or number < place):
                    return True
        return False

    wanted = [each for place, each in enumerate(found) if place == 0 or not beaten(place)]
    assert candidates._undominated(found) == wanted
    assert candidates._undominated([replace(found[0], way="rank 1"), found[0]]) == [replace(found[0], way="rank 1")]


@pytest.mark.parametrize("outputs", [16, 64, 256])
@pytest.mark.parametrize("technique", ["spatial", "lowrank", "bsconv"])
def test_ranks_go_as_far_as_they_are_cheaper(technique: str, outputs: int) -> None:
    _network, layer = layer_of(keras.layers.Conv2D(outputs, 3, padding="same"), (8, 8, 64))
    ways = [way for way in ways_for(layer, [technique]) if str(way) != "bsconv_u"]
    window = layer.windows[0]
    ranks = [int(str(way).split()[1]) for way in ways]
    step = math.gcd(*ranks)
    assert ranks == sorted(ranks)
    assert 6 <= len(ranks) <= 10
    assert ranks[0] <= max(step, ranks[-1] / 8)
    assert all(two - one <= max(2 * step, 0.5 * one) for one, two in itertools.pairwise(ranks))
    kept = total_macs(Blueprint(0).steps(window, 64, outputs) if technique == "bsconv" else layer.rows(64, outputs)[0])
    costs = [
        total_macs(dataclasses.replace(ways[-1], **{field: ranks[-1] + more}).steps(window, 64, outputs))
        for field in [dataclasses.fields(ways[-1])[0].name]
        for more in (0, step)
    ]
    assert costs[0] < kept <= costs[1] or ranks[-1] + step >= outputs


def test_ways_are_timed_at_three_widths_of_both_sides() -> None:
    layers = [keras.layers.Conv2D(32, 3, name="one"), keras.layers.Conv2D(32, 3, name="two"), keras.layers.Conv2D(4, 1)]
    model = keras.Sequential([keras.Input((12, 12, 3)), *layers])
    network = network_of(model, model_inputs(model, np.random.default_rng(0).normal(size=(8, 12, 12, 3))))
    layer = network.layers[1]
    (way,) = (each for each in ways_for(layer, ["decouple"]) if str(each) == "pw_dw 1")
    steps = set(candidates.steps_to_time(network, layer, [way]))
    widths = {(step.inputs, step.outputs) for step in steps if step.kind == "conv" and step.kernel_size == (1, 1)}
    assert widths == set(itertools.product((32, 24, 16), repeat=2))
    found = candidates.candidates_of(
        network, layer, [way], None, integers=True, timed=lambda step: float(step in steps)
    )
    assert all(each.latency_ms > 0 for each in found)
    kept = {(step.inputs, step.outputs) for step in steps if step.kind == "conv" and step.kernel_size == (3, 3)}
    assert kept == set(itertools.product((32, 24, 16, 8), repeat=2))
