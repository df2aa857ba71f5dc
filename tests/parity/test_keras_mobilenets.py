"""MobileNetV1 and V2 against keras.applications: sizes, values, weight files."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.weights.reading import named_arrays

THEIRS = {"mobilenet_v1": keras.applications.MobileNet, "mobilenet_v2": keras.applications.MobileNetV2}
WIDTHS = [(name, alpha) for name in THEIRS for alpha in (0.25, 0.35, 0.5, 0.75, 1.0, 1.3, 1.4)]


def randomized(model, seed=0):
    """Give every weight, moving statistics too, values that a trained network could have."""
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        if "variance" in variable.path or "gamma" in variable.path:
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
        elif variable.path.endswith(("beta", "mean", "bias")):
            variable.assign(generator.normal(0.0, 0.1, variable.shape))
    return model


def images(size):
    return np.random.default_rng(1).uniform(-1, 1, (2, size, size, 3)).astype("float32")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "alpha"), WIDTHS)
def test_counts_of_every_width(name, alpha):
    theirs = THEIRS[name](alpha=alpha, weights=None)
    ours = build(name, alpha=alpha)
    assert ours.count_params() == theirs.count_params()
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize(("alpha", "size"), [(0.35, 64), (1.0, 96), (1.4, 65)])
def test_moved_weights_give_the_same_outputs(name, alpha, size):
    theirs = randomized(THEIRS[name](alpha=alpha, weights=None, input_shape=(size, size, 3)))
    ours = build(name, alpha=alpha, input_shape=(size, size, 3))
    report = load_weights(ours, named_arrays(theirs), origin="keras")
    assert len(report.matched) == len(theirs.weights)
    np.testing.assert_allclose(ours(images(size)), theirs(images(size)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", THEIRS)
def test_options_of_mobilenet_v1_and_v2(name):
    arguments = {"alpha": 0.5, "input_shape": (64, 64, 3), "include_top": False, "pooling": "max"}
    if name == "mobilenet_v1":
        arguments["depth_multiplier"] = 2
    theirs = randomized(THEIRS[name](weights=None, **arguments))
    ours = build(name, **arguments)
    load_weights(ours, named_arrays(theirs), origin="keras")
    np.testing.assert_allclose(ours(images(64)), theirs(images(64)), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", THEIRS)
def test_weight_files_are_interchangeable(name, tmp_path):
    theirs = randomized(THEIRS[name](alpha=0.35, weights=None, input_shape=(64, 64, 3)))
    ours = build(name, alpha=0.35, input_shape=(64, 64, 3))
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    load_weights(ours, tmp_path / "theirs.weights.h5")
    np.testing.assert_allclose(ours(images(64)), theirs(images(64)), atol=1e-5, rtol=0)
    ours.set_weights([weight * 0.9 for weight in ours.get_weights()])
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(ours(images(64)), theirs(images(64)), atol=1e-5, rtol=0)


def test_the_official_file_gives_kerass_answers(shared):
    path = shared / "weights" / "mobilenet_v1_0.25_224_imagenet_keras.h5"
    theirs = keras.applications.MobileNet(alpha=0.25, weights=None)
    theirs.load_weights(path)
    np.testing.assert_allclose(
        build("mobilenet_v1", alpha=0.25, weights=path)(images(224)), theirs(images(224)), atol=1e-5, rtol=0
    )
