"""Depthwise convolutions that are fast in training on processors, and wherever XLA compiles for these.

Example:
    >>> import numpy as np
    >>> images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    >>> layer = FastDepthwiseConv2D(3, padding="same", lowering="shifted")
    >>> tuple(layer(images).shape[1:]), type(layer).__name__
    ((8, 8, 3), 'DepthwiseConv2D')
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal

import keras
from keras import ops

from sepzoo.layers.grouped import on_processor
from sepzoo.layers.shifted import shifted_depthwise_conv
from sepzoo.layers.transposing_depthwise import transposes, transposing_depthwise_conv
from sepzoo.layers.twins import finished, twin_of
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Layer, Tensor

Lowering = Literal["auto", "native", "shifted", "pallas"]
LOWERINGS: tuple[Lowering, ...] = ("auto", "native", "shifted", "pallas")


class _Lowered:
    """Computes its depthwise step as the backend does, or in another way, or with another gradient."""

    def __init__(self: Layer, *arguments: Any, lowering: Lowering = "auto", **settings: Any) -> None:
        if lowering not in LOWERINGS:
            raise SepzooError(f"expected a lowering of {', '.join(LOWERINGS)}. Received: lowering={lowering!r}.")
        if lowering == "pallas" and keras.backend.backend() != "jax":
            raise SepzooError(
                "expected the JAX backend for Pallas kernels. Received: lowering='pallas' with "
                f"{keras.backend.backend()}. Set KERAS_BACKEND=jax before Keras is imported."
            )
        super().__init__(*arguments, **settings)
        self.lowering = lowering

    def _depthwise(self: Layer, inputs: Tensor, kernel: Tensor, training: bool | None) -> Tensor:
        """Return the depthwise step, without bias; None where the backend's own is to be taken."""
        convolve = convolution_of(self.lowering, training)
        if convolve is not None:
            if self.data_format != "channels_last" or None in inputs.shape[1:3]:
                return None
            return convolve(
                inputs,
                ops.convert_to_tensor(kernel),
                strides=self.strides,
                padding=self.padding,
                dilation_rate=self.dilation_rate,
            )
        if training and transposes(self) and not _xla_compiles():
            return transposing_depthwise_conv(inputs, kernel)
        return None


@twin_of(keras.layers.DepthwiseConv2D)
class FastDepthwiseConv2D(_Lowered, keras.layers.DepthwiseConv2D):
    """Twin of `keras.layers.DepthwiseConv2D`, which on processors XLA computes as a sum of shifted products.

    Values and gradients are Keras's, to rounding. The input's channels must be last, and its height and width known,
    for that. Without XLA, TensorFlow trains it with another gradient (`sepzoo.layers.transposing_depthwise`).

    Args:
        *arguments: those of `keras.layers.DepthwiseConv2D`.
        lowering: "auto" takes shifted products where XLA compiles for a processor (JAX always, TensorFlow under
            `jit_compile`), else the backend's own convolution; "native" and "shifted" take one of them always, and
            "pallas" kernels for GPUs (`sepzoo.layers.pallas_depthwise`), with JAX alone.
        **settings: those of `keras.layers.DepthwiseConv2D`.

    Raises:
        SepzooError: another lowering, or Pallas kernels with another backend.
    """

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Return the convolution."""
        outputs = self._depthwise(inputs, self.kernel, training)
        return super().call(inputs) if outputs is None else finished(self, outputs)


@twin_of(keras.layers.SeparableConv2D)
class FastSeparableConv2D(_Lowered, keras.layers.SeparableConv2D):
    """Twin of `keras.layers.SeparableConv2D`, whose depthwise step is that of `FastDepthwiseConv2D`.

    Args:
        *arguments: those of `keras.layers.SeparableConv2D`.
        lowering: as `FastDepthwiseConv2D` takes it.
        **settings: those of `keras.layers.SeparableConv2D`.

    Raises:
        SepzooError: another lowering, or Pallas kernels with another backend.
    """

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Return the convolution."""
        middle = self._depthwise(inputs, self.depthwise_kernel, training)
        if middle is None:
            return super().call(inputs)
        return finished(self, ops.conv(middle, self.pointwise_kernel, data_format=self.data_format))


def convolution_of(lowering: Lowering, training: bool | None) -> Callable[..., Tensor] | None:
    """Return what computes a depthwise step that is traced now; None for the backend's own.

    Args:
        lowering: of its layer.
        training: as its layer was called; False: nothing asks for a gradient that is fast.
    """
    if lowering == "pallas":
        from sepzoo.layers.pallas_depthwise import pallas_depthwise_conv  # which imports JAX

        return pallas_depthwise_conv
    shifted = functools.partial(shifted_depthwise_conv, own_gradient=training is not False)
    return shifted if use_shifted(lowering) else None


def use_shifted(lowering: Lowering) -> bool:
    """Return whether a depthwise step that is traced now becomes shifted products.

    Args:
        lowering: of its layer.
    """
    if lowering != "auto":
        return lowering == "shifted"
    return _xla_compiles() and on_processor()


def _xla_compiles() -> bool:
    """Return whether XLA will compile what is traced now."""
    if keras.backend.backend() != "tensorflow":
        return keras.backend.backend() == "jax"
    import tensorflow as tf
    from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext  # of no public module

    return not tf.executing_eagerly() and GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())
