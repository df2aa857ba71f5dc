"""ResNet-50 against keras.applications: values, weight files."""

from __future__ import annotations

import keras
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.weights.reading import named_arrays
from tests.parity.models import assert_interchangeable, assert_same_outputs, images, randomized

SMALL = {"input_shape": (65, 65, 3), "classes": 7, "classifier_activation": None}


@pytest.fixture(scope="module")
def theirs():
    return randomized(keras.applications.ResNet50(weights=None, **SMALL))


def test_moved_weights_give_the_same_outputs(theirs):
    ours = build("resnet50", **SMALL)
    report = load_weights(ours, named_arrays(theirs), origin="keras")
    assert len(report.matched) == len(theirs.weights)
    assert report.in_order == ()
    assert_same_outputs(ours, theirs, images(65))


@pytest.mark.slow
def test_weight_files_are_interchangeable(theirs, tmp_path):
    assert_interchangeable(build("resnet50", **SMALL), theirs, tmp_path, images(65))
