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

    Args:
        builtin: Keras's layer, not yet built.
        twin: of the same arguments.
        shape: of the input, samples first.
        atol: largest difference.
        call: what the twin is called with beside its input.
    """
    for layer in (builtin, twin):
        layer.build(shape)
    twin.set_weights(builtin.get_weights())
    x = tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32"))
    theirs, ours = _outputs_and_gradients(builtin, x), _outputs_and_gradients(twin, x, **call)
    for their, our in zip(theirs, ours, strict=True):
        assert our.dtype == their.dtype
        their, our = (np.asarray(tf.cast(each, "float32")) for each in (their, our))
        scale = np.abs(their).max()
        np.testing.assert_allclose(our / scale, their / scale, atol=atol)


def _outputs_and_gradients(layer: keras.layers.Layer, x: tf.Tensor, **call: Any) -> list[tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **call)
        loss = tf.reduce_sum(tf.cast(y * y, "float32"))
    return [y, *tape.gradient(loss, [x, *[variable.value for variable in layer.trainable_variables]])]
