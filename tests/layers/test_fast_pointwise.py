"""Pointwise convolutions as matrix products against Keras's own."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

from sepzoo.layers import fast_pointwise
from sepzoo.layers.fast_pointwise import FastPointwiseConv1D, FastPointwiseConv2D, is_product
from sepzoo.layers.twins import builtin_class, is_twin
from tests.layers.twin_comparison import assert_equal_in_training

PAIRS = [(keras.layers.Conv1D, FastPointwiseConv1D), (keras.layers.Conv2D, FastPointwiseConv2D)]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"padding": "same", "activation": "relu"},
        {"use_bias": False},
        {"dtype": "mixed_bfloat16"},
        {"padding": "causal"},
        {"strides": 2},
        {"strides": 2, "padding": "same", "use_bias": False},
        {"strides": 3, "padding": "same"},
        {"kernel_size": 3},
        {"groups": 4},
    ],
)
@pytest.mark.parametrize(("builtin", "twin"), PAIRS)
def test_values_and_gradients_are_keras_s(seed, builtin, twin, arguments):
    if arguments.get("padding") == "causal" and builtin is keras.layers.Conv2D:
        pytest.skip("of series alone")
    settings = {"kernel_size": 1, "bias_initializer": "uniform", **arguments}
    theirs, ours = (cls(12, **settings) for cls in (builtin, twin))
    shape, least = (3, *(7, 9)[: theirs.rank], 8), 1e-2 if "dtype" in arguments else 2e-6
    assert_equal_in_training(theirs, ours, shape, atol=least, training=True)


@pytest.mark.parametrize("twin", [FastPointwiseConv1D, FastPointwiseConv2D])
@pytest.mark.parametrize("training", [False, True])
def test_sizes_may_be_unknown_and_only_training_is_without_a_convolution(twin, training):
    inputs = keras.Input((None,) * (1 if twin is FastPointwiseConv1D else 2) + (8,))
    model = keras.Model(inputs, twin(5, 1)(inputs))
    assert model.output_shape == (*inputs.shape[:-1], 5)
    called = tf.function(lambda x: model(x, training=training))
    traced = called.get_concrete_function(tf.TensorSpec((None, *inputs.shape[1:])))
    kinds = {operation.type for operation in traced.graph.get_operations()}
    assert ("MatMul" in kinds, "Conv2D" in kinds) == (training, not training)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, True),
        ({"kernel_size": (1, 3)}, False),
        ({"strides": (1, 2)}, True),
        ({"groups": 4}, False),
        ({"data_format": "channels_first"}, False),
    ],
)
def test_what_is_a_product(arguments, expected, monkeypatch):
    layer = keras.layers.Conv2D(**{"filters": 8, "kernel_size": 1, **arguments})
    assert is_product(layer) == expected
    monkeypatch.setattr(fast_pointwise, "on_processor", lambda: False)
    assert not is_product(layer)


@pytest.mark.parametrize(("builtin", "twin"), PAIRS)
def test_it_passes_for_the_stock_layer(builtin, twin, tmp_path):
    layer = twin(6, 1, name="conv")
    model = keras.Sequential([keras.Input((*(8, 4)[: layer.rank], 3)), layer])
    assert is_twin(layer)
    assert builtin_class(layer) is builtin
    assert layer.get_config() == builtin(6, 1, name="conv").get_config()
    model.save(tmp_path / "model.keras")
    assert type(keras.models.load_model(tmp_path / "model.keras").layers[0]) is builtin
