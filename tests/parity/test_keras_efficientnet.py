"""EfficientNet against keras.applications: values, files, and the official files' own way to normalize."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.weights.reading import named_arrays
from tests.parity.models import assert_same_outputs, randomized

SHAPE = (64, 64, 3)
DEVIATION = (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def theirs():
    model = randomized(keras.applications.EfficientNetB0(weights=None, input_shape=SHAPE, classes=10))
    normalization(model).finalize_state()
    return model


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).integers(0, 256, (2, *SHAPE)).astype("float32")


def normalization(model):
    return next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))


def ours(**arguments):
    return build("efficientnet_b0", input_shape=SHAPE, **{"classes": 10, **arguments})


def test_moved_weights_give_the_same_outputs(theirs, pixels):
    model = ours()
    report = load_weights(model, named_arrays(theirs), origin="keras")
    assert len(report.matched) == len(theirs.weights)
    assert_same_outputs(model, theirs, pixels)


def test_the_number_in_keras_s_own_name_says_nothing(theirs, pixels):
    """Its layer of mean and variance has no name in Keras's code: it is called after how many there were before."""
    keras.layers.Normalization()
    model = keras.applications.EfficientNetB0(weights=None, input_shape=SHAPE, classes=10)
    model.set_weights(theirs.get_weights())
    assert normalization(model).name != "normalization"
    own = ours()
    assert len(load_weights(own, named_arrays(model), origin="keras").matched) == len(model.weights)
    assert_same_outputs(own, theirs, pixels)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["weights.h5", "h5"])
def test_files_go_both_ways(theirs, pixels, tmp_path, suffix):
    save = {"weights.h5": "save_weights", "h5": "save"}[suffix]
    getattr(theirs, save)(tmp_path / f"theirs.{suffix}")
    model = ours(weights=tmp_path / f"theirs.{suffix}")
    assert_same_outputs(model, theirs, pixels)
    model.save_weights(tmp_path / "ours.weights.h5")
    other = keras.applications.EfficientNetB0(weights=None, input_shape=SHAPE, classes=10)
    other.load_weights(tmp_path / "ours.weights.h5")
    assert_same_outputs(other, theirs, pixels)


@pytest.mark.slow
def test_an_official_file_gives_kerass_answers(theirs, pixels, tmp_path, monkeypatch):
    """Such a file holds ImageNet's deviation as the variance, and Keras divides by its root once more."""
    path = tmp_path / "efficientnetb0.h5"
    official = keras.applications.EfficientNetB0(weights=None, input_shape=SHAPE, include_top=False)
    randomized(official, seed=2)
    normalization(official).adapt_mean.assign((0.485, 0.456, 0.406))
    normalization(official).adapt_variance.assign(DEVIATION)
    official.save_weights(path.with_suffix(".weights.h5"))
    path.with_suffix(".weights.h5").rename(path)
    monkeypatch.setattr("keras.src.applications.efficientnet.file_utils.get_file", lambda *args, **arguments: str(path))
    monkeypatch.setattr(keras.Model, "load_weights", lambda self, file: _load(self, official))
    expected = keras.applications.EfficientNetB0(weights="imagenet", input_shape=SHAPE, include_top=False)
    assert sum(isinstance(layer, keras.layers.Rescaling) for layer in expected.layers) == 2
    assert_same_outputs(ours(weights=path, include_top=False), expected, pixels)
    grey = build("efficientnet_b0", input_shape=(64, 64, 1), include_top=False, weights=path)
    deviation = np.asarray(grey.get_layer("input_normalization").variance) ** 0.5
    np.testing.assert_allclose(deviation.ravel(), np.mean(DEVIATION), rtol=1e-6)


def _load(model, source):
    """Move weights in order, as the file's loader would by name: the second rescaling has none."""
    model.set_weights(source.get_weights())
    normalization(model).finalize_state()


def test_initial_weights_normalize_as_imagenet_does(pixels):
    model = ours()
    normalized = keras.Model(model.input, model.get_layer("input_normalization").output)
    expected = (pixels / 255 - (0.485, 0.456, 0.406)) / np.asarray(DEVIATION)
    np.testing.assert_allclose(np.asarray(normalized(pixels)), expected, atol=1e-5)


def test_stochastic_depth_grows_as_kerass(theirs):
    expected = [layer.rate for layer in theirs.layers if layer.name.endswith("_drop")]
    found = [layer.rate for layer in ours().layers if layer.name.endswith("_drop_path")]
    np.testing.assert_allclose(found, expected)
