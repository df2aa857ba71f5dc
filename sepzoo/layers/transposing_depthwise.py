"""Depthwise convolution on TensorFlow whose gradient by its input is a depthwise convolution too.

TensorFlow has a kernel of its own for that gradient, which takes a fourth more time on processors than the forward one;
with stride 1 both are the same sum, over a kernel that is turned round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import keras

from sepzoo.layers.grouped import on_processor
from sepzoo.support.types import Layer, Tensor

if TYPE_CHECKING:
    import tensorflow as tf


def transposes(layer: Layer) -> bool:
    """Return whether the gradient by a depthwise layer's input is the same convolution, and TensorFlow faster so.

    Example:
        >>> import keras
        >>> transposes(keras.layers.DepthwiseConv2D(3, padding="same")), transposes(keras.layers.DepthwiseConv2D(3))
        (True, False)
    """
    once = {*layer.strides, *layer.dilation_rate, layer.depth_multiplier} == {1}
    centred = layer.padding == "same" and all(taps % 2 for taps in layer.kernel_size)
    last = layer.data_format == "channels_last"
    return once and centred and last and keras.backend.backend() == "tensorflow" and on_processor()


def transposing_depthwise_conv(inputs: Tensor, kernel: Tensor) -> Tensor:
    """Return a depthwise convolution of a layer for which `transposes` holds."""
    import tensorflow as tf

    ones = [1, 1, 1, 1]

    @tf.custom_gradient
    def convolved(x: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
        def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            by_weights = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=x, filter_sizes=tf.shape(weights), out_backprop=upstream, strides=ones, padding="SAME"
            )
            turned = tf.reverse(weights, (0, 1))
            return tf.nn.depthwise_conv2d(upstream, turned, ones, "SAME"), by_weights

        return tf.nn.depthwise_conv2d(x, weights, ones, "SAME"), gradients

    # Read once: of a function that reads a variable TensorFlow asks more.
    return cast(Tensor, convolved(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel)))
