"""A sum of separable products, trained as the one dense convolution that it is.

With nothing between its steps the sum has a dense kernel, which is made anew from the factors in each training step;
the gradients come to the factors through it. Two terms and more take longer than that one convolution unless it is
wide: depthwise steps are slow on processors, the more so backwards (benchmarks/composed.py).

Example:
    >>> import numpy as np
    >>> layer = ComposedSeparableConv2D(4, 3, depth_multiplier=4)
    >>> images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    >>> bool(np.allclose(layer(images, training=True), layer(images), atol=1e-5)), type(layer).__name__
    (True, 'SeparableConv2D')
"""

from __future__ import annotations

from collections.abc import Mapping

import keras
from keras import ops

from sepzoo.layers.factorization import Order
from sepzoo.layers.grouped import on_processor
from sepzoo.layers.twins import finished, twin_of
from sepzoo.support.types import Tensor

DEPTHWISE_TIME: Mapping[Order, int] = {"pw_dw": 12, "dw_pw": 24}
"""So many multiply-accumulates of a dense convolution take as long as one of the depthwise step, about."""


def composing_pays(order: Order, terms: int, width: int, kernel_area: int) -> bool:
    """Return whether training through the dense kernel is faster, as it can be with TensorFlow on a processor.

    Args:
        order: whether the 1 x 1 step stands first ("pw_dw") or last ("dw_pw").
        terms: number of products.
        width: channels at the far end of the 1 x 1 step: inputs of "pw_dw", filters of "dw_pw".
        kernel_area: positions of the window.
    """
    separate = terms * (width + DEPTHWISE_TIME[order] * kernel_area)  # for each channel of the depthwise step
    return terms > 1 and separate > width * kernel_area and keras.backend.backend() == "tensorflow" and on_processor()


def composed_kernel(depthwise: Tensor, pointwise: Tensor, order: Order, terms: int) -> Tensor:
    """Return the dense kernel (window …, channels, filters) of a sum of products.

    Args:
        depthwise: as Keras's depthwise layers hold it. "dw_pw": (window …, channels, terms). "pw_dw":
            (window …, terms * filters, 1), term after term.
        pointwise: (1 …, inputs, outputs) of the 1 x 1 step.
        order: whether the 1 x 1 step stands first ("pw_dw") or last.
        terms: number of products.
    """
    inputs, outputs = pointwise.shape[-2:]
    if order == "dw_pw":
        return ops.einsum("...ct,cto->...co", depthwise, ops.reshape(pointwise, (inputs // terms, terms, outputs)))
    windows = ops.reshape(depthwise, (*depthwise.shape[:-2], terms, outputs // terms))
    return ops.einsum("...to,cto->...co", windows, ops.reshape(pointwise, (inputs, terms, outputs // terms)))


@twin_of(keras.layers.SeparableConv2D)
class ComposedSeparableConv2D(keras.layers.SeparableConv2D):
    """Twin of `keras.layers.SeparableConv2D` that trains as one dense convolution; see `composing_pays` for when to."""

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Return the sum of separable convolutions."""
        if not training or self.data_format != "channels_last":
            return super().call(inputs)
        outputs = ops.conv(
            inputs,
            composed_kernel(self.depthwise_kernel, self.pointwise_kernel, "dw_pw", self.depth_multiplier),
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        return finished(self, outputs)
