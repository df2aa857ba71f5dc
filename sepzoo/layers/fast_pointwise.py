"""Pointwise convolutions as the matrix products that they are, which TensorFlow computes faster on processors.

Example:
    >>> import numpy as np
    >>> images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    >>> layer = FastPointwiseConv2D(4, 1)
    >>> tuple(layer(images).shape), type(layer).__name__
    ((2, 8, 8, 4), 'Conv2D')
"""

from __future__ import annotations

import keras
from keras import ops

from sepzoo.layers.grouped import on_processor
from sepzoo.layers.twins import finished, twin_of
from sepzoo.support.types import Layer, Tensor


class _Product:
    """Computes a convolution in training as a matrix product, where `is_product` says so.

    Elsewhere it is Keras's, so that what is written for inference holds a convolution.
    """

    def call(self: Layer, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Return the convolution."""
        if not (training and is_product(self)):
            return super().call(inputs)  # type: ignore[misc]  # of the class that this is mixed into
        matrix = ops.reshape(self.kernel, self.kernel.shape[-2:])
        seen = inputs[(slice(None), *(slice(None, None, stride) for stride in self.strides))]
        return finished(self, ops.tensordot(seen, matrix, axes=1))


@twin_of(keras.layers.Conv1D)
class FastPointwiseConv1D(_Product, keras.layers.Conv1D):
    """Twin of `keras.layers.Conv1D` that is fast at windows of one step."""


@twin_of(keras.layers.Conv2D)
class FastPointwiseConv2D(_Product, keras.layers.Conv2D):
    """Twin of `keras.layers.Conv2D` that is fast at 1 x 1: the same arguments, values and gradients, to rounding."""


def is_product(layer: Layer) -> bool:
    """Return whether a convolution is a matrix product over its channels, and TensorFlow computes it on a processor.

    Whatever its strides: for such a one on an image with less than 8 channels oneDNN's gradient by the kernel writes
    beyond its memory on processors with AVX2 alone, and ends the process. XLA makes a product of it by itself.
    """
    alone = layer.groups == 1 and layer.data_format == "channels_last"
    point = set(layer.kernel_size) == {1}
    return alone and point and keras.backend.backend() == "tensorflow" and on_processor()
