"""Layers that make a network's input of pixels, inside its file."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from sepzoo.layers.fake_quantization import QuantizedKernel, QuantizedOutput, first_steps
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.types import Config, Tensor

_BRIGHTEST = 255


def normalized(pixels: Tensor, preprocessing: Preprocessing, *, rounds: bool, keeps_steps: bool) -> Tensor:
    """Return what a network takes of pixels, as `Preprocessing.normalize` has it.

    Where it is computed in integers, one convolution of 1 x 1 does all: the product, the sum and the order of the
    channels. It rounds once, to the steps of what it gives; and each filter has a single weight, which is exact where
    filters have steps of their own. A product and a sum would round twice, with one step for all channels.

    Args:
        pixels: of 0 … 255, red first, integers or floats.
        preprocessing: the numbers.
        rounds: whether it is computed in integers.
        keeps_steps: whether the network was trained with the steps of its integers, so that all has some.
    """
    name, channels = pixels.name, pixels.shape[-1]
    mean, std = (np.broadcast_to(each, channels).tolist() for each in (preprocessing.mean, preprocessing.std))
    scale, offset = [1 / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)]
    order = preprocessing.in_order(np.arange(channels)).tolist()
    values = pixels
    if keras.backend.standardize_dtype(pixels.dtype) != "float32":
        values = keras.layers.Rescaling(1.0, dtype="float32", name=f"{name}_as_float")(pixels)
    if scale == [1] * channels and not any(offset) and order == sorted(order):
        return values
    if not rounds:
        values = values if order == sorted(order) else keras.ops.take(values, order, axis=-1)
        return keras.layers.Rescaling(scale, offset, dtype="float32", name=f"{name}_normalized")(values)
    kernel = np.zeros((1, 1, channels, channels), "float32")
    kernel[0, 0, order, np.arange(channels)] = scale
    if keeps_steps:
        return _on_steps(values, kernel, np.asarray(offset, "float32"), name)
    return ChannelMix(kernel.tolist(), offset, dtype="float32", name=f"{name}_normalized")(values)


def _on_steps(values: Tensor, kernel: np.ndarray, offset: np.ndarray, name: str) -> Tensor:
    """Return the same by layers that say on which steps its integers stand."""
    whole = QuantizedOutput(name=f"{name}_pixels")
    found = whole(values)
    whole.set_weights([np.zeros(()), np.full((), _BRIGHTEST)])
    inner = keras.layers.Conv2D(len(offset), 1, data_format="channels_last", dtype="float32", name=f"{name}_normalized")
    convolution = QuantizedKernel(inner)
    found = convolution(found)
    convolution.set_weights([first_steps(kernel, (-1,)), kernel, offset])
    return found


@keras.saving.register_keras_serializable("sepzoo")
class ChannelMix(keras.layers.Layer):
    """A convolution of 1 x 1 whose numbers are constants of the graph: nothing that a format moves to round it better.

    Args:
        kernel: (1, 1, channels, filters).
        bias: (filters,).
        **kwargs: of every Keras layer.

    Example:
        >>> import numpy as np
        >>> ChannelMix([[[[0.0, 2.0], [1.0, 0.0]]]], [0.0, 1.0])(np.array([[[[5.0, 7.0]]]])).numpy().tolist()
        [[[[7.0, 11.0]]]]
    """

    def __init__(self, kernel: list[Any], bias: list[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernel, self.bias = kernel, bias

    def call(self, inputs: Tensor) -> Tensor:
        """Return what each filter makes of the channels."""
        kernel, bias = (np.asarray(each, self.compute_dtype) for each in (self.kernel, self.bias))
        return keras.ops.conv(inputs, kernel, data_format="channels_last") + bias

    def get_config(self) -> Config:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "kernel": self.kernel, "bias": self.bias}
