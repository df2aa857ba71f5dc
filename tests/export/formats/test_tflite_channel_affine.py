"""Scales and shifts of channels in files: the operators that compute them, and the answers of the model as given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import Tolerance, tflite
from sepzoo.export.formats.tflite_channel_affine import with_fast_affine
from sepzoo.inference.tflite_description import describe
from sepzoo.records.inputs import Features

layers = keras.layers
ROWS = {"MUL": 1, "ADD": 1}
DEPTHWISE = {"DEPTHWISE_CONV_2D": 1}
Make = Callable[[], keras.layers.Layer]


def norm(**settings: Any) -> keras.layers.BatchNormalization:
    """Return a batch normalization whose numbers differ from channel to channel."""
    kinds = {"beta": "random_normal", "gamma": "random_uniform", "moving_mean": "random_normal"}
    return layers.BatchNormalization(**{f"{kind}_initializer": each for kind, each in kinds.items()}, **settings)


def network(size: tuple[int | None, ...], layer: keras.layers.Layer, *, before: bool = False) -> keras.Model:
    """Return a network that maps channels before an activation."""
    source = keras.Input(size)
    values = layers.MaxPooling2D(1)(source) if before else source
    return keras.Model(source, layers.GlobalAveragePooling2D()(layers.ReLU()(layer(values))))


MAPS: dict[str, tuple[tuple[int, ...], Make, dict[str, int]]] = {
    "pixels": ((8, 6, 3), norm, ROWS),
    "fifteen channels": ((4, 5, 15), norm, ROWS),
    "sixteen channels": ((4, 5, 16), norm, DEPTHWISE),
    "a thousand channels": ((2, 2, 1023), norm, DEPTHWISE),
    "more than a thousand": ((2, 2, 1024), norm, {"MUL": 1, "ADD": 1}),
    "no scale, no center": ((4, 4, 20), lambda: norm(scale=False, center=False), DEPTHWISE),
    "one channel": ((4, 4, 1), norm, {"MUL": 1, "ADD": 1}),
    "numbers in lists": ((4, 4, 3), lambda: layers.Rescaling([0.5, 2.0, 3.0], [1.0, -1.0, 0.0]), ROWS),
    "scales in a list": ((4, 4, 17), lambda: layers.Rescaling([*np.arange(1.0, 18.0)], -1.0), DEPTHWISE),
    "one number": ((4, 4, 3), lambda: layers.Rescaling(0.5, -1.0), {"MUL": 1, "ADD": 1}),
    "Normalization": ((4, 4, 3), lambda: layers.Normalization(mean=[1.0, 2, 3], variance=[4.0, 9, 0]), ROWS),
    "its inverse": (
        (4, 4, 3),
        lambda: layers.Normalization(mean=[1.0, 2, 3], variance=[4.0, 9, 1], invert=True),
        {"MUL": 1, "ADD": 1},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MAPS)
def test_a_file_answers_like_the_model_by_these_operators(name: str, tmp_path: Path) -> None:
    size, make, operators = MAPS[name]
    model = network(size, make())
    report = tflite(model, tmp_path / "m.tflite", features=Features(size), tolerance=Tolerance())
    values = np.random.default_rng(1).normal(0, 3, (8, *size)).astype("float32")
    expected = model.predict(values, verbose=0)
    found = inference.open(report.path).predict(values)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    kinds = ("MUL", "ADD", "SUB", "DIV", "DEPTHWISE_CONV_2D")
    assert {kind: count for kind, count in report.operators.items() if kind in kinds} == operators
    assert "RELU" not in report.operators  # it goes with the operator before it
    assert report.gpu_refusals == ()


def test_the_numbers_of_few_channels_stand_for_a_row(tmp_path: Path) -> None:
    given = network((8, 6, 3), norm())
    mapped = with_fast_affine(given)
    assert [type(layer).__name__ for layer in mapped.layers] == [
        *("InputLayer", "_Rows", "ReLU", "GlobalAveragePooling2D")
    ]
    assert [layer.name for layer in mapped.layers[1:]] == [layer.name for layer in given.layers[1:]]


def shared() -> keras.Model:
    """Return a network that calls one normalization twice."""
    once, source = norm(), keras.Input((4, 4, 16))
    return keras.Model(source, layers.Add()([once(source), once(layers.ReLU()(source))]))


def in_training() -> keras.Model:
    """Return a network that normalizes by the batch."""
    source = keras.Input((4, 4, 16))
    return keras.Model(source, norm()(source, training=True))


def broken() -> keras.Model:
    """Return a network with a negative variance."""
    return network((4, 4, 16), norm(moving_variance_initializer=keras.initializers.Constant(-1.0)))


STAY: dict[str, Callable[[], keras.Model]] = {
    "shared": shared,
    "in training": in_training,
    "not finite": broken,
    "of rows": lambda: network((4, 4, 16), norm(axis=1)),
    "of series": lambda: keras.Sequential([keras.Input((4, 16)), norm()]),
    "of an unknown width": lambda: network((4, None, 3), norm()),
}


@pytest.mark.parametrize("name", STAY)
def test_anything_else_stays_as_it_is(name: str) -> None:
    model = STAY[name]()
    assert with_fast_affine(model) is model


def test_integers_take_one_operator_too(tmp_path: Path) -> None:
    model = network((8, 8, 16), norm(), before=True)
    values = np.random.default_rng(2).normal(0, 1, (64, 8, 8, 16)).astype("float32")
    settings: dict[str, Any] = {"quantize": "int8", "features": Features((8, 8, 16)), "tolerance": Tolerance()}
    seen = Samples(values, None, origin="random numbers", seed=2)
    report = tflite(model, tmp_path / "m.tflite", calibration=seen, edges="float", outputs=["values"], **settings)
    assert not {"MUL", "ADD", "RELU"} & set(describe(report.path.read_bytes()).operators)
    expected = model.predict(values, verbose=0)
    assert np.abs(inference.open(report.path).predict(values) - expected).max() < 0.02 * np.abs(expected).max()
