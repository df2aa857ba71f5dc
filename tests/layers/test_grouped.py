"""Grouped convolution in blocks against Keras's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from sepzoo.layers.grouped import GroupedConv1D, GroupedConv2D, merge_groups, merged_groups
from sepzoo.layers.twins import builtin_class, is_twin
from tests.layers.twin_comparison import assert_equal_in_training

CHANNELS = 64
PAIRS = [(keras.layers.Conv1D, GroupedConv1D), (keras.layers.Conv2D, GroupedConv2D)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"groups": 4, "padding": "same"},
        {"groups": 4, "strides": 2, "padding": "same", "activation": "relu"},
        {"groups": 2, "padding": "valid", "dilation_rate": 2, "use_bias": False},
        {"groups": 16, "padding": "same"},
        {"groups": 64, "padding": "valid"},
        {"groups": 1, "padding": "same"},
    ],
)
@pytest.mark.parametrize(("builtin", "twin"), PAIRS)
def test_values_and_gradients_are_keras_s(seed, builtin, twin, arguments):
    theirs, ours = (cls(128, 3, bias_initializer="uniform", **arguments) for cls in (builtin, twin))
    assert_equal_in_training(theirs, ours, (2, *(7, 9)[: theirs.rank], CHANNELS))


def test_it_passes_for_the_stock_layer(tmp_path):
    layer = GroupedConv2D(32, 3, groups=4, name="conv")
    model = keras.Sequential([keras.Input((8, 8, 16)), layer])
    assert is_twin(layer)
    assert builtin_class(layer) is keras.layers.Conv2D
    assert layer.get_config() == keras.layers.Conv2D(32, 3, groups=4, name="conv").get_config()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.layers[0]) is keras.layers.Conv2D
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 16)).astype("float32")
    np.testing.assert_allclose(np.asarray(again(x)), np.asarray(model(x)), atol=1e-6)
    again.save_weights(tmp_path / "model.weights.h5")
    model.load_weights(tmp_path / "model.weights.h5")


@pytest.mark.parametrize(
    ("groups", "channels", "merged"), [(4, 16, 1), (8, 4, 4), (64, 1, 16), (7, 2, 7), (2, 3, 2), (6, 6, 3)]
)
def test_a_block_is_the_fewest_groups_that_are_wide_enough(groups, channels, merged):
    assert merged_groups(groups, channels) == merged


def test_merged_groups_have_zeros_between_them():
    kernel = np.arange(1, 9, dtype="float32").reshape(1, 1, 2, 4)  # two groups of two channels and two filters
    expected = [[1, 2, 0, 0], [5, 6, 0, 0], [0, 0, 3, 4], [0, 0, 7, 8]]
    assert np.asarray(merge_groups(kernel, groups=2, merged=2))[0, 0].tolist() == expected


@pytest.mark.parametrize("twin", [GroupedConv1D, GroupedConv2D])
def test_blocks_are_dense_convolutions_in_the_graph(twin):
    layer = twin(64, 3, groups=4)
    inputs = keras.Input((*(16, 16)[: layer.rank], CHANNELS))
    traced = tf.function(keras.Model(inputs, layer(inputs))).get_concrete_function(
        tf.TensorSpec((2, *inputs.shape[1:]))
    )
    assert [operation.type for operation in traced.graph.get_operations()].count("Conv2D") == 4


def test_causal_padding_is_keras_s():
    builtin, twin = (cls(32, 3, groups=2, padding="causal", dilation_rate=2) for cls in PAIRS[0])
    for layer in (builtin, twin):
        layer.build((2, 9, CHANNELS))
    twin.set_weights(builtin.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 9, CHANNELS)).astype("float32")
    np.testing.assert_allclose(np.asarray(twin(x)), np.asarray(builtin(x)), atol=1e-5)


def test_channels_first_is_left_to_keras(monkeypatch):
    layer = GroupedConv2D(32, 3, groups=4, data_format="channels_first")
    seen = []
    monkeypatch.setattr(keras.layers.Conv2D, "call", lambda self, x: seen.append(x.shape) or x)
    layer.call(np.zeros((1, 16, 8, 8), "float32"))
    assert seen == [(1, 16, 8, 8)]
