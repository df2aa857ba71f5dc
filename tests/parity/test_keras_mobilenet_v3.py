"""MobileNetV3 against keras.applications: sizes, values, weight files."""

from __future__ import annotations

import h5py
import keras
import pytest

from sepzoo.applications import build, load_weights, preprocess
from sepzoo.weights.reading import named_arrays
from tests.parity.models import assert_interchangeable, assert_same_outputs, images, randomized

THEIRS = {
    "mobilenet_v3_large": keras.applications.MobileNetV3Large,
    "mobilenet_v3_small": keras.applications.MobileNetV3Small,
}
FORMS = [(0.75, False), (1.0, True), (1.5, False)]
LOGITS = {"classes": 7, "classifier_activation": None}


def of_keras(name, **arguments):
    """Return theirs on inputs of -1 … 1: ours has no rescaling inside."""
    return randomized(THEIRS[name](weights=None, include_preprocessing=False, **arguments))


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize(("alpha", "minimalistic"), FORMS)
def test_moved_weights_give_the_same_outputs(name, alpha, minimalistic):
    arguments = {"alpha": alpha, "minimalistic": minimalistic, "input_shape": (64, 64, 3), **LOGITS}
    theirs, ours = of_keras(name, **arguments), build(name, **arguments)
    report = load_weights(ours, named_arrays(theirs), origin="keras")
    assert len(report.matched) == len(theirs.weights)
    assert report.in_order == ()
    assert_same_outputs(ours, theirs, images(64))


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIRS)
def test_odd_sizes_and_no_head(name):
    arguments = {"alpha": 0.5, "input_shape": (75, 45, 3), "include_top": False, "pooling": "max"}
    theirs, ours = of_keras(name, **arguments), build(name, **arguments)
    load_weights(ours, named_arrays(theirs), origin="keras")
    assert_same_outputs(ours, theirs, images(75)[:, :, :45])


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIRS)
def test_the_rescaling_inside_theirs_is_our_preprocessing(name):
    arguments = {"alpha": 0.75, "input_shape": (64, 64, 3), **LOGITS}
    theirs = randomized(THEIRS[name](weights=None, **arguments))
    ours = build(name, **arguments)
    load_weights(ours, named_arrays(theirs), origin="keras")
    pixels = ((images(64) + 1) * 127.5).round().astype("uint8")
    assert_same_outputs(lambda x: ours(preprocess(ours, x)), theirs, pixels)


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIRS)
def test_weight_files_are_interchangeable(name, tmp_path):
    arguments = {"alpha": 0.35, "input_shape": (64, 64, 3), **LOGITS}
    assert_interchangeable(build(name, **arguments), of_keras(name, **arguments), tmp_path, images(64))


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIRS)
def test_files_with_the_names_of_keras_2(name, tmp_path):
    """The official files' layers are called Conv, expanded_conv_1/expand/BatchNorm and so on."""
    arguments = {"alpha": 0.35, "input_shape": (64, 64, 3), **LOGITS}
    theirs = of_keras(name, **arguments)
    theirs.save(tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        weights = file["model_weights"]
        new_names = list(weights.attrs["layer_names"])
        old_names = [f"Old/{layer.replace('_bn', '/BatchNorm')}/expand" for layer in new_names]
        for new, old in zip(new_names, old_names, strict=True):
            weights.move(new, old)
        weights.attrs["layer_names"] = [old.encode() for old in old_names]
    ours = build(name, **arguments)
    report = load_weights(ours, tmp_path / "old.h5")
    assert len(report.in_order) == sum(bool(layer.weights) for layer in ours.layers)
    assert_same_outputs(ours, theirs, images(64))


def test_a_new_classifier_keeps_the_trained_hidden_layer(tmp_path):
    arguments = {"alpha": 0.35, "input_shape": (64, 64, 3)}
    theirs = of_keras("mobilenet_v3_small", **arguments)
    theirs.save(tmp_path / "theirs.h5")
    ours = build("mobilenet_v3_small", **arguments, classes=3, weights=tmp_path / "theirs.h5")
    hidden = ours.get_layer("hidden").get_weights()
    assert all((a == b).all() for a, b in zip(hidden, theirs.get_layer("conv_2").get_weights(), strict=True))
