"""Depth multipliers as branches: the same values, and no depthwise operator with a multiplier in the file."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.surgery.exact.depth_multipliers import split_multipliers


@pytest.mark.parametrize(
    "arguments",
    [
        {"padding": "same", "activation": "relu"},
        {"strides": 2, "padding": "same", "use_bias": False},
        {"dilation_rate": 2},
    ],
    ids=str,
)
def test_values_and_counts_are_the_same(seed, arguments):
    layer = keras.layers.SeparableConv2D(7, 3, depth_multiplier=3, bias_initializer="uniform", name="conv", **arguments)
    model = keras.Sequential([keras.Input((9, 8, 5)), layer])
    split, report = split_multipliers(model)
    x = np.random.default_rng(0).normal(size=(2, 9, 8, 5)).astype("float32")
    np.testing.assert_allclose(np.asarray(split(x)), np.asarray(model(x)), atol=1e-5)
    assert split.count_params() == model.count_params()
    assert [type(each).__name__ for each in split.layers if each.weights] == ["DepthwiseConv2D"] * 3 + ["Conv2D"]
    assert [change.action for change in report.changes] == ["as 3 depthwise convolutions side by side"]


def test_other_layers_stay():
    layers = [keras.layers.SeparableConv2D(4, 3, name="one"), keras.layers.DepthwiseConv2D(3, name="depthwise")]
    assert not split_multipliers(keras.Sequential([keras.Input((8, 8, 3)), *layers]))[1].changes
