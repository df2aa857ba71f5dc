"""A twin beside its built-in layer: what both give, and all gradients."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


def assert_equal_in_training(
    builtin: keras.layers.Layer, twin: keras.layers.Layer, shape: tuple[int, ...], *, atol: float = 2e-6, **call: Any
) -> None:
    """Compare outputs and gradients by the input and all weights, each as a share of its largest value.

    Layers of a half type are compared with float64: the twin may be ``atol`` further from it than Keras's layer. Two
    layers that are each near may lie further from one another, where a processor sums such products in its own order.

    Args:
        builtin: Keras's layer, not yet built.
        twin: of the same arguments.
        shape: of the input, samples first.
        atol: largest difference.
        call: what the twin is called with beside its input.
    """
    builtin.build(shape)
    exact = builtin if builtin.compute_dtype == "float32" else in_float64(builtin)
    for layer in {exact, twin} - {builtin}:
        layer.build(shape)
        layer.set_weights(builtin.get_weights())
    x = tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32"))
    theirs = _outputs_and_gradients(builtin, x)
    truths = theirs if exact is builtin else _outputs_and_gradients(exact, x)
    for truth, their, our in zip(truths, theirs, _outputs_and_gradients(twin, x, **call), strict=True):
        assert our.dtype == their.dtype
        truth, their, our = (np.asarray(tf.cast(each, "float64")) for each in (truth, their, our))
        scale = np.abs(truth).max()
        error = np.abs(their - truth).max() / scale  # of Keras's layer: 0 in float32, where it is the truth
        np.testing.assert_allclose(our / scale, truth / scale, atol=atol + error)


def in_float64(layer: keras.layers.Layer) -> keras.layers.Layer:
    return type(layer).from_config({**layer.get_config(), "dtype": "float64"})


def _outputs_and_gradients(layer: keras.layers.Layer, x: tf.Tensor, **call: Any) -> list[tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **call)
        loss = tf.reduce_sum(tf.cast(y * y, "float32"))
    return [y, *tape.gradient(loss, [x, *[variable.value for variable in layer.trainable_variables]])]
