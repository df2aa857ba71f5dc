"""ConvNeXt against keras.applications, whose depthwise kernels are grouped ones, and files of its."""

from __future__ import annotations

import keras
import numpy as np
from keras.src.applications.convnext import ConvNeXt

from sepzoo.applications import build, load_weights
from sepzoo.weights.reading import named_arrays
from tests.parity.models import assert_same_outputs, images, randomized

DEPTHS = (1, 2, 3, 1)
SHAPE = {"input_shape": (64, 64, 3)}
FORM = {**SHAPE, "depths": DEPTHS, "channels": 8}


def theirs(**arguments):
    """A narrow one, named as the official ones are; its variables that are called so are random too."""
    widths = [8, 16, 32, 64]
    model = ConvNeXt(list(DEPTHS), widths, name="convnext_tiny", include_preprocessing=False, **SHAPE, **arguments)
    for variable in randomized(model).weights:
        if variable.path.rpartition("/")[0].endswith("layer_scale"):
            variable.assign(np.random.default_rng(len(variable.path)).uniform(0.5, 1.5, variable.shape))
    return model


def ours(**arguments):
    return build("convnext_tiny", **FORM, **arguments)


def test_moved_weights_give_the_same_outputs():
    arguments = {"classes": 10, "classifier_activation": None}
    model, expected = ours(**arguments), theirs(**arguments)
    report = load_weights(model, named_arrays(expected), origin="keras")
    assert len(report.matched) == len(expected.weights) == len(model.weights)
    assert_same_outputs(model, expected, images(64))


def test_a_file_of_keras_without_saying_whose(tmp_path):
    arguments = {"classes": 10, "classifier_activation": None}
    expected = theirs(**arguments)
    expected.save(tmp_path / "theirs.h5")
    assert_same_outputs(ours(**arguments, weights=tmp_path / "theirs.h5"), expected, images(64))
    other = ours(classes=3)
    report = load_weights(other, tmp_path / "theirs.h5", new_head=True)
    assert report.kept == ("predictions/bias", "predictions/kernel")


def test_the_last_feature_map_is_the_one_without_the_head(tmp_path):
    whole = theirs(classes=10)
    whole.save(tmp_path / "whole.h5")
    model = ours(include_top=False, weights=tmp_path / "whole.h5")
    before = keras.Model(whole.input, whole.get_layer("convnext_tiny_head_gap").input)
    assert_same_outputs(model, before, images(64))
