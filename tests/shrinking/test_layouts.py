"""Networks with channels first, and those that round already."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import SepzooError
from sepzoo.compression import quantize_aware
from sepzoo.shrinking import Budget, measuring, shrink

layers = keras.layers


def body(*, first: bool) -> list[keras.layers.Layer]:
    axis, layout = (1, "channels_first") if first else (-1, "channels_last")
    settings = {"padding": "same", "data_format": layout}
    return [
        layers.Conv2D(16, 3, activation="relu", name="stem", **settings),
        layers.Conv2D(16, 3, use_bias=False, name="inner", **settings),
        layers.BatchNormalization(axis=axis, name="norm"),
        layers.ReLU(name="relu"),
        layers.GlobalAveragePooling2D(data_format=layout, name="pool"),
    ]


def network(*, first: bool) -> keras.Model:
    keras.utils.set_random_seed(2)
    head = layers.Dense(4, activation="softmax", kernel_initializer="he_normal", name="head")
    return keras.Sequential([keras.Input((3, 8, 10) if first else (8, 10, 3)), *body(first=first), head], name="net")


def images(*, first: bool) -> np.ndarray:
    found = np.random.default_rng(0).normal(size=(48, 8, 10, 3)).astype("float32")
    return np.moveaxis(found, -1, 1) if first else found


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["tflite:float32", "tflite:int8"])
def test_channels_first_is_made_as_small_as_channels_last(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "TRIALS", 4)
    found = []
    for first in (False, True):
        model = network(first=first)
        given = images(first=first)
        new, report = shrink(model, budget=Budget(macs="50%"), samples=given, runtime=runtime)
        assert new.input_shape == model.input_shape
        assert report.comparison.kl_divergence is not None
        found.append((report, new.predict(given, verbose=0)))
    (right, expected), (other, answers) = found
    ways = [
        [(each.layer, each.way, each.channels, each.costs["macs"][1]) for each in one.layers] for one in (right, other)
    ]
    assert ways[0] == ways[1]
    assert other.measured["macs"] == right.measured["macs"]
    np.testing.assert_allclose(answers, expected, atol=1e-3)
    assert other.comparison.kl_divergence == pytest.approx(right.comparison.kl_divergence, abs=1e-3)


@pytest.mark.slow
def test_channels_first_in_an_inner_model_are_named_with_what_to_do() -> None:
    inner = keras.Sequential([keras.Input((3, 8, 10)), *body(first=True)], name="body")
    head = layers.Dense(4, activation="softmax", kernel_initializer="he_normal", name="head")
    model = keras.Sequential([keras.Input((3, 8, 10)), inner, head], name="net")
    named = r"^expected a network in which .*'body/stem', 'body/inner', 'body/pool' \(3\): .* come first\. .*_last'"
    given: Any = {"budget": Budget(macs="50%"), "samples": images(first=True), "runtime": "tflite:float32"}
    with pytest.raises(SepzooError, match=named):
        shrink(model, techniques=("decouple", "channels"), **given)
    with pytest.raises(SepzooError, match=r"here at least .* Ask for more\. See 'body/stem', .* come first\. .*_last'"):
        shrink(model, **given)  # its last layer can be made smaller, which isn't enough


@pytest.mark.slow
def test_layers_that_round_are_named_with_what_to_do() -> None:
    model = quantize_aware(network(first=False), images(first=False), epochs=1).model
    named = (
        r"^expected a network in which .* See 'stem.*', 'inner.*', 'head.*' \(3\): they round as .* before they did\.$"
    )
    with pytest.raises(SepzooError, match=named):
        shrink(model, budget=Budget(macs="50%"), samples=images(first=False))
