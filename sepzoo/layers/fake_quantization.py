"""Layers that compute with numbers rounded as 8-bit integers will be, and learn the steps between them.

Rounding passes gradients straight through; what they do to a step follows from it (Esser et al., "Learned Step Size
Quantization", ICLR 2020, section 2.1). Steps are kept as logarithms, so that an optimizer moves small and large ones
alike (Jain et al., "Trained Quantization Thresholds", MLSys 2020, section 3). All is written in `keras.ops`, so it
trains on every backend. A layer with `frozen=True` computes the same by Keras's own `fake_quant_with_min_max_vars`,
which TensorFlow's converter knows: the file's integers stand on exactly the learned steps.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from sepzoo.layers.twins import finished
from sepzoo.support.types import Config, Layer, Tensor

CHANNEL_AXES: dict[type, tuple[int, ...]] = {
    keras.layers.Conv1D: (-1,),
    keras.layers.Conv2D: (-1,),
    keras.layers.DepthwiseConv1D: (-2, -1),
    keras.layers.DepthwiseConv2D: (-2, -1),
    keras.layers.Dense: (),
}
"""The layers whose kernels are rounded, with one step for each place on these axes; a dense layer has a single one."""

LEVELS = 127
"""The largest integer of a kernel."""
_STEPS = 255
_LEAST = 1e-7
"""No step is smaller."""


def first_steps(kernel: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return the logarithms to base 2 of the steps at which each channel's largest weight is the largest integer.

    Example:
        >>> first_steps(np.array([[254.0, -1.0], [3.0, -508.0]]), (-1,)).tolist()
        [1.0, 2.0]
    """
    others = tuple(axis for axis in range(-kernel.ndim, 0) if axis not in axes)
    largest = np.abs(kernel).max(axis=others)
    return np.log2(np.maximum(largest.reshape(-1) if axes else largest, _LEAST * LEVELS) / LEVELS)


@keras.saving.register_keras_serializable("sepzoo")
class QuantizedKernel(keras.layers.Wrapper):
    """A convolution or dense layer whose kernel takes the values of 8-bit integers, symmetric about zero.

    Its weights are the layer's own, in float32, and the logarithms to base 2 of the steps, one a channel: (channels,),
    of a dense layer ().

    Args:
        layer: of one of the classes in `CHANNEL_AXES`.
        frozen: whether it is for TensorFlow's converter, and not for training.
        **kwargs: of every Keras layer.

    Example:
        >>> import numpy as np
        >>> layer = QuantizedKernel(keras.layers.Dense(1, use_bias=False, kernel_initializer="ones"))
        >>> layer.build((None, 2))
        >>> _ = layer.log_step.assign(np.log2(0.3))
        >>> round(float(layer(np.array([[1.0, 0.0]]))[0, 0]), 3)  # the nearest multiple of the step
        0.9
    """

    def __init__(self, layer: Layer, frozen: bool = False, **kwargs: Any) -> None:
        super().__init__(layer, **{"name": layer.name, **kwargs})
        self.frozen = frozen
        self._axes = CHANNEL_AXES[type(layer)]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the layer's weights and the steps."""
        super().build(input_shape)
        kernel = self.layer.kernel
        shape = tuple(kernel.shape[axis] for axis in self._axes)
        self.log_step = self.add_weight(
            name="log_step", shape=(math.prod(shape),) if shape else (), initializer="zeros"
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Return what the layer gives with its kernel rounded."""
        kernel = self.layer.kernel
        if self.frozen and self._axes and len(self.layer.kernel_size) == 1:
            return self._over_series(inputs)
        rounded = self._rounded(ops.convert_to_tensor(kernel))
        trainable, others = (
            [rounded if variable is kernel else ops.convert_to_tensor(variable) for variable in variables]
            for variables in (self.layer.trainable_variables, self.layer.non_trainable_variables)
        )
        outputs, _ = self.layer.stateless_call(trainable, others, inputs)
        return outputs

    def _over_series(self, inputs: Tensor) -> Tensor:
        """Return the same of series as images of height 1: the converter takes no rounded kernel that gets an axis."""
        layer = self.layer
        (window,), (stride,), (dilation,) = layer.kernel_size, layer.strides, layer.dilation_rate
        causal = layer.padding == "causal"
        if causal:
            inputs = ops.pad(inputs, [[0, 0], [(window - 1) * dilation, 0], [0, 0]])
        convolve = ops.conv if len(self._axes) == 1 else ops.depthwise_conv
        outputs = convolve(
            ops.expand_dims(inputs, 1),
            self._rounded(ops.expand_dims(layer.kernel, 0)),
            strides=stride,
            padding="valid" if causal else layer.padding,
            dilation_rate=(1, dilation),
        )
        return finished(layer, ops.squeeze(outputs, 1))

    def _rounded(self, kernel: Tensor) -> Tensor:
        """Return the kernel on its steps; channels stand on the last axis meanwhile."""
        flat = ops.reshape(kernel, (*kernel.shape[:-2], -1)) if len(self._axes) == 2 else kernel
        step = ops.maximum(2.0 ** ops.convert_to_tensor(self.log_step), _LEAST)
        if self.frozen:
            limit, axis = LEVELS * step, None if not self._axes else -1
            found = keras.quantizers.fake_quant_with_min_max_vars(flat, -limit, limit, narrow_range=True, axis=axis)
        else:
            found = _round(ops.clip(flat / step, -LEVELS, LEVELS)) * step
        return ops.reshape(found, kernel.shape)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape that the layer gives."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> Config:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "frozen": self.frozen}


@keras.saving.register_keras_serializable("sepzoo")
class QuantizedOutput(keras.layers.Layer):
    """Values rounded to the 256 between a learned lowest and highest one, of which zero is one.

    Its weights are `low` and `high`, each ().

    Args:
        frozen: whether it is for TensorFlow's converter, and not for training.
        **kwargs: of every Keras layer.

    Example:
        >>> import numpy as np
        >>> layer = QuantizedOutput()
        >>> layer.build((None, 2))
        >>> layer.set_weights([np.array(0.0), np.array(25.5)])
        >>> [round(float(value), 3) for value in layer(np.array([[3.14, 90.0]]))[0]]
        [3.1, 25.5]
    """

    def __init__(self, frozen: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frozen = frozen

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the bounds."""
        self.low = self.add_weight(name="low", shape=(), initializer="zeros")
        self.high = self.add_weight(name="high", shape=(), initializer="ones")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the nearest of the values."""
        low = ops.minimum(ops.convert_to_tensor(self.low), 0.0)
        high = ops.maximum(ops.convert_to_tensor(self.high), ops.maximum(low + _STEPS * _LEAST, 0.0))
        if self.frozen:
            return keras.quantizers.fake_quant_with_min_max_vars(inputs, low, high)
        step = (high - low) / _STEPS
        zero = ops.clip(_round(-low / step), 0, _STEPS)
        return (_round(ops.clip(inputs / step + zero, 0, _STEPS)) - zero) * step

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> Config:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "frozen": self.frozen}


def _round(values: Tensor) -> Tensor:
    """Round, halves up as Keras's operation does; gradients pass as if nothing was done."""
    return values + ops.stop_gradient(ops.floor(values + 0.5) - values)
