"""Networks with layers that do nothing to the answers, and of other number types."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import SepzooError
from sepzoo.shrinking import Budget, shrink
from sepzoo.shrinking.measuring import _require_finite
from sepzoo.shrinking.scores import Scores
from tests.shrinking.conftest import small_network

HALF = Budget(macs="50%")


@pytest.mark.slow
def test_layers_that_no_answer_depends_on_may_be_shrunk_and_are_first_as_they_are(
    pictures: np.ndarray, tmp_path: Path
) -> None:
    """As in a residual unit whose last batch normalization begins at zero: every way to compute it errs by nothing."""
    network = small_network()
    outer = network.get_layer("outer")
    outer.set_weights([np.zeros_like(each) for each in outer.get_weights()])
    settings = {"samples": pictures, "runtime": "tflite:float32", "scores": tmp_path / "scores.json"}
    for techniques in ("decouple", ["decouple", "channels"]):
        _model, report = shrink(network, budget=HALF, techniques=techniques, **settings)
        assert report.measured["macs"] <= 0.5 * report.original["macs"]
        assert {each.layer: each.expected for each in report.layers}["outer"] == 0
        path = tmp_path / "scores.json"
        scores = Scores.load(path, json.loads(path.read_text(encoding="utf-8"))["key"])
        assert scores is not None
        assert {(item.candidates[0].way, item.candidates[0].levels) for item in scores.items} == {("keep", (0, 0))}
        assert sum(item.candidates[0].macs for item in scores.items) + scores.fixed_macs == scores.macs
        path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy: str, pictures: np.ndarray) -> None:
    keras.utils.set_random_seed(0)
    row = [
        keras.layers.Conv2D(8, 3, activation="relu", name="one", dtype=policy),
        keras.layers.Conv2D(8, 3, activation="relu", name="two", dtype=policy),
        keras.layers.Flatten(name="flat", dtype=policy),
        keras.layers.Dense(4, activation="softmax", name="head", dtype="float32"),
    ]
    network = keras.Sequential([keras.Input((8, 8, 3)), *row], name="mixed")
    settings = {"techniques": ("decouple",), "runtime": "tflite:float32"}
    _model, report = shrink(network, budget=Budget(macs="60%"), samples=pictures, **settings)
    assert report.measured["macs"] <= 0.6 * report.original["macs"]


def test_what_is_asked_for_is_refused_before_the_work(tmp_path: Path, pictures: np.ndarray) -> None:
    network = small_network()
    with pytest.raises(SepzooError, match=r"expected a sepzoo\.shrinking\.Budget, such as .* Received: '50%'\."):
        shrink(network, budget="50%", samples=pictures)  # type: ignore[arg-type]
    with pytest.raises(SepzooError, match=r"unknown technique 'channel'\. Did you mean channels\?"):
        shrink(network, budget=HALF, samples=pictures, techniques="channel")
    with pytest.raises(SepzooError, match=r"Received: .*, which is a folder"):
        shrink(network, budget=HALF, samples=pictures, out=tmp_path)


@pytest.mark.parametrize(("kind", "classes"), [("softmax", 4), ("sigmoid", 1), ("multilabel", 4)])
def test_answers_that_are_not_what_was_said_are_refused_before_anything_is_judged(
    kind: str, classes: int, pictures: np.ndarray
) -> None:
    network = small_network(classes)
    network.get_layer("head").activation = keras.activations.linear
    network.get_layer("head").set_weights([np.full((16, classes), 9.0), np.arange(-4.0, classes - 4.0)])
    with pytest.raises(SepzooError, match=rf"^small: expected probabilities .*{kind}\. Received: values from "):
        shrink(network, budget=HALF, samples=pictures, runtime="tflite:float32", outputs=kind)


def test_an_error_that_is_no_number_is_named_with_its_layer() -> None:
    with pytest.raises(SepzooError, match=r"^expected answers .* with layer 'stem'\. Received: nan nats\."):
        _require_finite("stem", [0.0, float("nan")])
