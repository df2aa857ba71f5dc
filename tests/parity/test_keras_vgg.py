"""VGG against keras.applications: values, weight files, preprocessing."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build, load_weights, preprocess
from sepzoo.weights.reading import named_arrays
from tests.parity.models import assert_interchangeable, assert_same_outputs, images, randomized, write_as_keras_1

THEIRS = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}
SMALL = {"input_shape": (33, 35, 3), "classes": 7, "classifier_activation": None}


@pytest.mark.parametrize("name", THEIRS)
def test_moved_weights_give_the_same_outputs(name):
    theirs, ours = randomized(THEIRS[name](weights=None, **SMALL)), build(name, **SMALL)
    report = load_weights(ours, named_arrays(theirs), origin="keras")
    assert len(report.matched) == len(theirs.weights)
    assert report.in_order == ()
    assert_same_outputs(ours, theirs, images(35)[:, :33])


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIRS)
def test_weight_files_are_interchangeable(name, tmp_path):
    theirs, ours = randomized(THEIRS[name](weights=None, **SMALL)), build(name, **SMALL)
    assert_interchangeable(ours, theirs, tmp_path, images(35)[:, :33])


@pytest.mark.slow
def test_a_file_in_the_form_of_the_official_one(tmp_path):
    """The official files are of Keras 1: the kernel of block1_conv1 is called block1_conv1_W_1:0."""
    arguments = {"input_shape": (33, 35, 3), "include_top": False}
    theirs, ours = randomized(keras.applications.VGG16(weights=None, **arguments)), build("vgg16", **arguments)
    write_as_keras_1(theirs, tmp_path / "keras_1.h5", own_names=True)
    report = load_weights(ours, tmp_path / "keras_1.h5")
    assert report.in_order == ()
    assert_same_outputs(ours, theirs, images(35)[:, :33])


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "resnet50"])
def test_preprocessing_is_that_of_keras(name):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3)).astype("uint8")
    expected = getattr(keras.applications, name).preprocess_input(pixels.astype("float32"))
    np.testing.assert_allclose(preprocess(name, pixels), expected, atol=1e-4)
