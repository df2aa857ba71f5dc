"""Xception against keras.applications: sizes, values, weight files, also of Keras 1."""

from __future__ import annotations

import keras
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.weights.reading import named_arrays
from tests.parity.models import assert_interchangeable, assert_same_outputs, images, randomized, write_as_keras_1

SMALL = {"input_shape": (75, 75, 3), "classes": 7, "classifier_activation": None}


@pytest.fixture(scope="module")
def theirs():
    return randomized(keras.applications.Xception(weights=None, **SMALL))


def test_the_same_layers_in_the_same_order(theirs):
    ours = build("xception", **SMALL)
    classes = [[type(layer) for layer in model.layers if layer.weights] for model in (ours, theirs)]
    shapes = [[tuple(weight.shape) for weight in model.weights] for model in (ours, theirs)]
    assert classes[0] == classes[1]
    assert shapes[0] == shapes[1]


def test_moved_weights_give_the_same_outputs(theirs):
    ours = build("xception", **SMALL)
    report = load_weights(ours, named_arrays(theirs), origin="keras")
    assert len(report.matched) == len(theirs.weights)
    assert sorted(report.in_order) == sorted(
        f"stage{s}_unit1_projection{part}" for s in range(1, 5) for part in ("", "_bn")
    )  # which have no names in Keras
    assert_same_outputs(ours, theirs, images(75))


@pytest.mark.slow
def test_weight_files_are_interchangeable(theirs, tmp_path):
    assert_interchangeable(build("xception", **SMALL), theirs, tmp_path, images(75))


@pytest.mark.slow
def test_a_file_in_the_form_of_the_official_one(theirs, tmp_path):
    """The official files are of Keras 1: every layer is named by its class and a number."""
    path = tmp_path / "keras_1.h5"
    write_as_keras_1(theirs, path, own_names=False)
    ours = build("xception", **SMALL, weights=path)
    assert_same_outputs(ours, theirs, images(75))
    other = build("xception", **{**SMALL, "classes": 3})
    report = load_weights(other, path, new_head=True)
    assert report.kept == ("predictions/bias", "predictions/kernel")
    assert len(report.in_order) == 81


@pytest.mark.slow
def test_headless_with_pooling(theirs):
    arguments = {"input_shape": (80, 80, 3), "include_top": False, "pooling": "avg"}
    headless = randomized(keras.applications.Xception(weights=None, **arguments))
    ours = build("xception", **arguments)
    load_weights(ours, named_arrays(headless), origin="keras")
    assert_same_outputs(ours, headless, images(80))
