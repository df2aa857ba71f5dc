"""Fused batch normalization against Keras's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from sepzoo.layers.fast_batch_norm import FastBatchNormalization
from sepzoo.layers.twins import builtin_class, is_twin


def images(*shape, dtype="float32"):
    return np.random.default_rng(0).normal(2.0, 3.0, shape).astype(dtype)


def pair(shape, **arguments):
    """Return both layers with the same weights."""
    layers = [cls(**arguments) for cls in (keras.layers.BatchNormalization, FastBatchNormalization)]
    generator = np.random.default_rng(1)
    for layer in layers:
        layer.build(shape)
    layers[0].set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in layers[0].get_weights()])
    layers[1].set_weights(layers[0].get_weights())
    return layers


def run(layer, x, *, training=True, jit=False):
    """Return the output, the gradients by the input and the weights, and the moving statistics afterwards."""

    @tf.function(jit_compile=jit)
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            loss = tf.reduce_sum(tf.cast(y, "float32") ** 3)
        return y, tape.gradient(loss, [x, *[variable.value for variable in layer.trainable_variables]])

    y, gradients = step(tf.constant(x))
    return [np.asarray(value, "float64") for value in (y, *gradients, *layer.non_trainable_variables)]


def kernels_called(layer, x, **arguments):
    """Return whether the layer's graph holds the fused kernel."""
    graph = tf.function(lambda x: layer(x, **arguments)).get_concrete_function(tf.constant(x)).graph
    return any(operation.type.startswith("FusedBatchNorm") for operation in graph.get_operations())


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    "arguments",
    [{}, {"center": False}, {"scale": False, "center": False}, {"momentum": 0.9, "epsilon": 1e-5, "axis": 3}],
)
def test_training_is_keras_s(arguments, jit):
    x = images(4, 5, 6, 3)
    builtin, twin = pair(x.shape, **arguments)
    assert kernels_called(pair(x.shape, **arguments)[1], x, training=True)
    for theirs, ours in zip(run(builtin, x, jit=jit), run(twin, x, jit=jit), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(theirs).max()))


def test_the_moving_variance_is_the_batch_s_own_not_the_unbiased_one():
    x = images(2, 1, 1, 3)
    layer = pair(x.shape, momentum=0.0)[1]
    layer(x, training=True)
    np.testing.assert_allclose(np.asarray(layer.moving_variance), x.var(axis=(0, 1, 2)), rtol=1e-5)


def test_a_batch_of_one_value_has_no_variance():
    x = images(1, 1, 1, 3)
    layer = pair(x.shape, momentum=0.0)[1]
    layer(x, training=True)
    np.testing.assert_array_equal(np.asarray(layer.moving_variance), np.zeros(3, "float32"))


def test_inference_and_frozen_layers_are_keras_s():
    x = images(4, 5, 6, 3)
    builtin, twin = pair(x.shape)
    assert not kernels_called(twin, x, training=False)
    for theirs, ours in zip(run(builtin, x, training=False), run(twin, x, training=False), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    twin.trainable = False
    assert not kernels_called(twin, x, training=True)


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((4, 3), {}),
        ((4, 5, 3), {}),
        ((4, 3, 5, 6), {"axis": 1}),
        ((4, 5, 6, 3), {"dtype": "mixed_float16"}),
        ((4, 5, 6, 3), {"dtype": "float64"}),
        ((4, 5, 6, 3), {"synchronized": True}),
    ],
)
def test_what_the_kernel_does_not_serve_is_left_to_keras(shape, arguments):
    x = images(*shape, dtype="float64" if arguments.get("dtype") == "float64" else "float32")
    builtin, twin = pair(shape, **arguments)
    assert not kernels_called(pair(shape, **arguments)[1], x, training=True)
    for theirs, ours in zip(run(builtin, x), run(twin, x), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_mask_is_left_to_keras():
    x, mask = images(4, 5, 6, 3), np.random.default_rng(2).random((4, 5, 6)) > 0.5
    builtin, twin = pair(x.shape)
    theirs, ours = (layer(x, training=True, mask=mask) for layer in (builtin, twin))
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_it_passes_for_the_stock_layer(tmp_path):
    layer = FastBatchNormalization(momentum=0.9, name="bn")
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    assert is_twin(layer)
    assert builtin_class(layer) is keras.layers.BatchNormalization
    assert layer.get_config() == keras.layers.BatchNormalization(momentum=0.9, name="bn").get_config()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.layers[0]) is keras.layers.BatchNormalization
    again.save_weights(tmp_path / "model.weights.h5")
    model.load_weights(tmp_path / "model.weights.h5")
