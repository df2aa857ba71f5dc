"""How many multiplications one call of a layer takes.

Counted are convolutions and dense layers; bias, batch normalization, activations, pooling and padding are not. A zero
that padding adds is multiplied like any other value. A transposed convolution multiplies each input value by each
position of its window, also where `padding="same"` then cuts the product off.
"""

from __future__ import annotations

import functools
import math

import keras

from sepzoo.layers.fake_quantization import QuantizedKernel
from sepzoo.support.types import Layer

Shape = tuple[int, ...]


@functools.singledispatch
def multiplications(layer: Layer, inputs: Shape, outputs: Shape) -> int | None:
    """Return the multiplications of one call, or None for a layer that multiplies by a rule that is not known here.

    Args:
        layer: any Keras operation.
        inputs: shape of its first input, with the batch.
        outputs: shape of its first output, with the batch.

    Example:
        >>> import keras
        >>> multiplications(keras.layers.Conv2D(8, 3), (1, 32, 32, 3), (1, 30, 30, 8))
        194400
    """
    if isinstance(layer, keras.layers.Embedding):
        return 0
    matrices = [weight for weight in getattr(layer, "weights", ()) if len(weight.shape) > 1]
    return None if matrices else 0


@multiplications.register(keras.layers.Conv1D)
@multiplications.register(keras.layers.Conv2D)
@multiplications.register(keras.layers.Conv3D)
def _(layer: Layer, inputs: Shape, outputs: Shape) -> int:
    return math.prod(outputs) * math.prod(layer.kernel_size) * (_channels(layer, inputs) // layer.groups)


@multiplications.register(keras.layers.Conv1DTranspose)
@multiplications.register(keras.layers.Conv2DTranspose)
@multiplications.register(keras.layers.Conv3DTranspose)
def _(layer: Layer, inputs: Shape, outputs: Shape) -> int:
    return math.prod(inputs) * math.prod(layer.kernel_size) * layer.filters


@multiplications.register(keras.layers.DepthwiseConv1D)
@multiplications.register(keras.layers.DepthwiseConv2D)
def _(layer: Layer, inputs: Shape, outputs: Shape) -> int:
    return math.prod(outputs) * math.prod(layer.kernel_size)


@multiplications.register(keras.layers.SeparableConv1D)
@multiplications.register(keras.layers.SeparableConv2D)
def _(layer: Layer, inputs: Shape, outputs: Shape) -> int:
    between = math.prod(outputs) // layer.filters * _channels(layer, inputs) * layer.depth_multiplier
    return between * (math.prod(layer.kernel_size) + layer.filters)


@multiplications.register(keras.layers.Dense)
def _(layer: Layer, inputs: Shape, outputs: Shape) -> int:
    return math.prod(inputs) * layer.units


@multiplications.register(keras.layers.EinsumDense)
def _(layer: Layer, inputs: Shape, outputs: Shape) -> int:
    of_input, of_output = layer.equation.split(",")[0], layer.equation.split("->")[1]
    aligned = zip(of_output, outputs, strict=False)
    if of_output.startswith("..."):
        aligned = zip(reversed(of_output), reversed(outputs), strict=False)
    return math.prod(inputs) * math.prod(size for index, size in aligned if index not in of_input)


@multiplications.register(QuantizedKernel)
def _(layer: QuantizedKernel, inputs: Shape, outputs: Shape) -> int | None:
    return multiplications(layer.layer, inputs, outputs)  # that of a rounded kernel takes as many


def _channels(layer: Layer, inputs: Shape) -> int:
    return inputs[1 if layer.data_format == "channels_first" else -1]
