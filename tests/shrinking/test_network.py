"""What layers cost and which channels go together, against the profile and the graph."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Callable

import keras
import numpy as np
import pytest

from sepzoo.analysis import profile
from sepzoo.shrinking import Budget, shrink
from sepzoo.shrinking import network as network_module
from sepzoo.shrinking.file_bytes import total_bytes
from sepzoo.shrinking.network import network_of
from sepzoo.shrinking.scores import GroupLevels
from sepzoo.shrinking.steps import total_macs
from sepzoo.support.types import Tensor
from sepzoo.surgery.walk.model_inputs import model_inputs

layers = keras.layers


def shared(x: Tensor) -> Tensor:
    """One convolution at two resolutions, as in the heads of detectors."""
    conv = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv")
    x = conv(layers.Conv2D(16, 3, padding="same", name="stem")(x))
    return layers.Conv2D(8, 3, name="last")(conv(conv(layers.MaxPooling2D()(x))))


def shared_depthwise(x: Tensor) -> Tensor:
    conv = layers.DepthwiseConv2D(3, padding="same", name="depthwise")
    return layers.Conv2D(8, 3, name="last")(conv(layers.MaxPooling2D()(conv(x))))


def shared_dense(x: Tensor) -> Tensor:
    dense = layers.Dense(16, name="mixing")
    return dense(layers.MaxPooling2D()(dense(layers.Conv2D(16, 3, name="stem")(x))))


def open_backbone(x: Tensor) -> Tensor:
    row = [layers.Conv2D(16, 3, padding="same", name="one"), layers.DepthwiseConv2D(3, strides=2, name="two")]
    return keras.Sequential([keras.Input((None, None, 3)), *row, layers.Conv2D(16, 3, name="three")], name="net")(x)


def joined(x: Tensor) -> Tensor:
    """As in a U-Net: channels of two groups meet where a layer takes both."""
    outer = layers.Conv2D(24, 3, padding="same", activation="relu", name="outer")(x)
    inner = layers.Conv2D(32, 3, padding="same", activation="relu", name="inner")(layers.MaxPooling2D()(outer))
    both = layers.Concatenate()([layers.UpSampling2D()(inner), outer])
    return layers.Conv2D(16, 3, padding="same", name="last")(both)


def model_of(body: Callable[[Tensor], Tensor]) -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((16, 16, 3))
    return keras.Model(x, layers.Dense(4)(layers.GlobalAveragePooling2D()(body(x))), name="whole")


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 16, 16, 3)).astype("float32")


@pytest.mark.parametrize("body", [shared, shared_depthwise, shared_dense, open_backbone, joined])
def test_each_layer_costs_what_the_profile_counts_and_its_weights_are_stored_once(
    body: Callable[[Tensor], Tensor],
) -> None:
    model = model_of(body)
    network = network_of(model, model_inputs(model, pictures(8)), prune=False)
    counted = Counter[str]()
    for each in profile(network.model).layers:
        counted[each.name] += each.macs
    for layer in network.layers:
        steps = list(itertools.chain.from_iterable(layer.rows(*network.counts(layer, 0, 0))))
        assert total_macs(steps) == counted[layer.name] > 0
        numbers = 4 * sum(np.prod(each.shape) for each in layer.channels.layer.weights)
        runs = len(layer.runs)
        assert numbers <= total_bytes(steps, integers=False) <= numbers + 4 * 32 + 300 * runs


def test_depthwise_convolutions_over_series_cost_what_the_profile_counts() -> None:
    x = keras.Input((40, 6))
    y = layers.DepthwiseConv1D(5, strides=2, name="depthwise")(layers.Conv1D(16, 3, name="stem")(x))
    model = keras.Model(x, layers.Dense(4)(layers.GlobalAveragePooling1D()(y)))
    samples = np.random.default_rng(0).normal(size=(8, 40, 6)).astype("float32")
    network = network_of(model, model_inputs(model, samples), prune=False)
    counted = {each.name: each.macs for each in profile(network.model).layers}
    (depthwise,) = (each for each in network.layers if each.name == "depthwise")
    assert total_macs(itertools.chain.from_iterable(depthwise.rows(16, 16))) == counted["depthwise"]


def test_groups_that_meet_at_a_layer_lose_the_same_share() -> None:
    model = model_of(joined)
    network = network_of(model, model_inputs(model, pictures(48)))
    (meeting, other) = sorted(network.groups, key=lambda each: -len(each.layers))
    assert (set(meeting.layers), set(other.layers)) == ({"outer", "inner"}, {"last"})
    (last,) = (each for each in network.layers if each.name == "last")
    for level, gone in enumerate(meeting.gone):
        kept = network.kept(last, level, 0)
        inner, outer = (np.sum(kept.inputs < 32), np.sum(kept.inputs >= 32))
        assert inner + outer == 56 - gone
        assert inner % 8 == outer % 8 == 0
        assert abs(inner / 32 - outer / 24) < 0.2
    assert meeting.gone[0] == 0 < meeting.gone[-1]


@pytest.mark.parametrize("body", [joined, shared, open_backbone])
def test_groups_that_were_saved_are_those_that_are_ranked_and_need_no_samples(
    body: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, inputs = model_of(body), model_inputs(model_of(body), pictures(48))
    ranked = network_of(model, inputs)
    saved = json.loads(json.dumps([dataclasses.asdict(GroupLevels.of(each)) for each in ranked.groups]))
    monkeypatch.setattr(network_module, "output_errors", None)
    again = network_of(model, inputs, known=[GroupLevels(**each).group() for each in saved])
    assert len(again.groups) == len(ranked.groups) > 0
    for one, other in zip(ranked.groups, again.groups, strict=True):
        assert (tuple(other.layers), other.sets.tolist()) == (one.layers, one.sets.tolist())
        assert [each.tolist() for each in other.levels] == [each.tolist() for each in one.levels]
    assert [(each.source, each.target) for each in again.layers] == [
        (each.source, each.target) for each in ranked.layers
    ]
    for level in range(len(ranked.groups[0].levels)):
        levels = [level, *[0] * (len(ranked.groups) - 1)]
        assert again.removed(levels).tolist() == ranked.removed(levels).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "budget", "narrower"),
    [
        (joined, Budget(ram_kib="60%"), {"outer", "inner"}),
        (joined, Budget(macs="15%"), {"outer", "inner"}),
        (shared, Budget(macs="25%"), set()),
        (open_backbone, Budget(macs="50%"), set()),
    ],
)
def test_budgets_are_kept_and_cost_what_was_predicted(
    body: Callable[[Tensor], Tensor], budget: Budget, narrower: set[str]
) -> None:
    model, samples = model_of(body), pictures(48)
    found, report = shrink(model, budget=budget, samples=samples, costs="macs", runtime="tflite:float32")
    assert report.predicted["macs"] == report.measured["macs"] == profile(found).macs
    assert sum(each.costs["macs"][0] for each in report.layers) == report.original["macs"] == profile(model).macs
    assert all(report.measured[name] <= limit for name, limit in report.limits.items())
    fewer = {each.layer for each in report.layers if each.channels[1][1] < each.channels[0][1]}
    assert narrower <= fewer
    assert np.isfinite(found.predict(samples, verbose=0)).all()
