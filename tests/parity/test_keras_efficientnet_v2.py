"""EfficientNetV2 against keras.applications and timm: raw pixels in, the same outputs, files both ways."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.weights.reading import named_arrays
from tests.parity.models import assert_interchangeable, assert_same_outputs, randomized

SHAPE = (64, 64, 3)
ARGUMENTS = {"input_shape": SHAPE, "classes": 10, "classifier_activation": None}


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).integers(0, 256, (2, *SHAPE)).astype("float32")


@pytest.mark.slow
def test_moved_weights_of_the_small_one_give_the_same_outputs(pixels):
    theirs = randomized(keras.applications.EfficientNetV2S(weights=None, **ARGUMENTS))
    ours = build("efficientnet_v2_s", **ARGUMENTS)
    report = load_weights(ours, named_arrays(theirs), origin="keras")
    assert len(report.matched) == len(theirs.weights)
    assert_same_outputs(ours, theirs, pixels)


@pytest.mark.slow
def test_files_of_the_base_go_both_ways(pixels, tmp_path):
    theirs = keras.applications.EfficientNetV2B0(weights=None, **ARGUMENTS)
    assert_interchangeable(build("efficientnet_v2_b0", **ARGUMENTS), theirs, tmp_path, pixels)


@pytest.mark.parametrize("size", ["B0", "B3"])
def test_stochastic_depth_grows_as_kerass(size):
    with keras.StatelessScope(initialize_variables=False):
        theirs = getattr(keras.applications, f"EfficientNetV2{size}")(weights=None)
        ours = build(f"efficientnet_v2_{size.lower()}")
    keras.utils.clear_session(free_memory=False)
    expected = [layer.rate for layer in theirs.layers if layer.name.endswith("_drop")]
    found = [layer.rate for layer in ours.layers if layer.name.endswith("_drop_path")]
    np.testing.assert_allclose(found, expected)


@pytest.mark.slow
def test_timm(doubles):
    from tests.parity.timm_package import timm
    from tests.parity.torch_networks import arrays, as_if_trained, logits

    theirs = as_if_trained(timm.create_model("tf_efficientnetv2_b0", num_classes=10), size=64).double()
    ours = build("efficientnet_v2_b0", **ARGUMENTS)
    report = load_weights(ours, arrays(theirs), origin="timm")
    assert len(report.matched) == len(arrays(theirs)) == len(ours.weights)
    behind = keras.Model(ours.get_layer("input_rescaling").output, ours.output)  # timm's takes normalized pixels
    images = np.random.default_rng(0).uniform(0, 1, (4, *SHAPE))
    np.testing.assert_allclose(np.asarray(behind(images)), logits(theirs, images), rtol=1e-6)
