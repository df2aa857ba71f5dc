"""Batch normalization on TensorFlow's fused kernel.

Example:
    >>> import numpy as np
    >>> images = np.random.default_rng(0).normal(3.0, 2.0, (8, 4, 4, 2)).astype("float32")
    >>> layer = FastBatchNormalization()
    >>> abs(float(np.mean(layer(images, training=True)))) < 1e-5, type(layer).__name__
    (True, 'BatchNormalization')
"""

from __future__ import annotations

import keras

from sepzoo.layers.twins import twin_of
from sepzoo.support.types import Tensor


@twin_of(keras.layers.BatchNormalization)
class FastBatchNormalization(keras.layers.BatchNormalization):
    """Twin of `keras.layers.BatchNormalization` that trains by one kernel, not a chain of operations.

    Values, gradients and moving statistics are Keras's, to rounding: the kernel's variance, which is the unbiased one,
    is scaled to the batch's own. The kernel serves training on TensorFlow in float32, images in channels last;
    everything else (inference, other backends, precisions and axes, masks, `synchronized`, `renorm`) is computed as in
    Keras.
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        """Return the normalized tensor; in training update the moving statistics."""
        if not (training and self.trainable and mask is None and self._suits(inputs)):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        channels = self.moving_mean.shape
        outputs, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma) if self.scale else tf.ones(channels),
            offset=tf.convert_to_tensor(self.beta) if self.center else tf.zeros(channels),
            mean=tf.zeros([0]),  # the moving averages are ours to keep
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        count = tf.cast(tf.size(inputs) // channels[0], "float32")
        variance = unbiased * ((count - 1.0) / count)
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        return outputs

    def _suits(self, inputs: Tensor) -> bool:
        return (
            keras.backend.backend() == "tensorflow"
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and {keras.backend.standardize_dtype(d) for d in (inputs.dtype, self.compute_dtype, self.variable_dtype)}
            == {"float32"}
            and not self.synchronized
            and not getattr(self, "renorm", False)
        )
