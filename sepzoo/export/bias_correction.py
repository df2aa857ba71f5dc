"""Biases that take back what rounding to 8 bits does on average.

A rounded kernel shifts the mean of each output channel, and so do rounded inputs. In separable networks the shift is
large: a depthwise channel has nine weights only, and folded batch norm makes some of them huge. Moving the bias by the
shift's negative costs nothing at run time (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction", ICCV 2019, section 4.2; here the means are measured on images).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np

from sepzoo.layers.graph import input_of, replay
from sepzoo.support.quiet import errors_only
from sepzoo.support.types import Args, Kwargs, Layer, Operation, Tensor

IMAGES = 32
"""Images that the means are measured on; 20 give the same result as 200."""


@dataclasses.dataclass(frozen=True)
class Rounding:
    """How a format rounds kernels, symmetric about zero.

    Attributes:
        bits: of the kernels of convolutions and of fully connected layers.
        depthwise_bits: of those of depthwise convolutions; None: they stay.
        per_channel: whether each channel has a scale of its own.
        inputs: whether what goes into these layers is rounded too: to 8 bits, one scale and one zero point a tensor.
    """

    bits: int = 8
    depthwise_bits: int | None = 8
    per_channel: bool = True
    inputs: bool = False

    def of(self, kind: type, kernel: np.ndarray) -> np.ndarray:
        """Return the rounded kernel of a layer of a class."""
        bits = self.depthwise_bits if kind is keras.layers.DepthwiseConv2D else self.bits
        axes = _CHANNEL_AXES[kind] if self.per_channel else ()
        return kernel if bits is None else rounded(kernel, axes, bits=bits)


_CHANNEL_AXES: dict[type, tuple[int, ...]] = {
    keras.layers.Conv2D: (-1,),
    keras.layers.DepthwiseConv2D: (-2, -1),
    keras.layers.Dense: (-1,),
}
"""The layers whose kernels the TFLite converter rounds, with one scale for each place on these axes."""

EIGHT_BITS = Rounding()
"""As TensorFlow's converter rounds."""


def correct_biases(
    model: keras.Model,
    images: np.ndarray | Sequence[np.ndarray],
    *,
    rounds_from: int = 0,
    rounding: Rounding = EIGHT_BITS,
) -> dict[str, np.ndarray]:
    """Move the biases of a model so that it keeps its means once its weights, or they and their inputs, are rounded.

    Layers are corrected in the order of the graph, each on inputs that come from rounded and corrected layers, so a
    layer without a bias is made good by the next one that has a bias. Inputs are rounded between the lowest and the
    highest value that the exact layer gets. A layer that is called several times stays as it is.

    Args:
        model: changed in place; batch norm is folded already.
        images: samples as the model takes them, such as (n, height, width, channels); the first 32 are used. Of several
            inputs one array each, in the order of the inputs.
        rounds_from: how many elements a kernel has at least that will be rounded.
        rounding: how.

    Returns:
        What was added to the bias of each layer that was corrected, by its name.
    """
    sources = [keras.Input(given.shape[1:], dtype=given.dtype) for given in model.inputs]
    samples = [images] if isinstance(images, np.ndarray) else images
    exact: dict[int, list[Tensor]] = {}
    ranges: dict[int, list[tuple[Tensor, Tensor]]] = {}
    shifts: dict[int, Tensor] = {}

    def note_range(layer: Layer, inputs: Tensor) -> Tensor:
        ranges.setdefault(id(layer), []).append((keras.ops.min(inputs), keras.ops.max(inputs)))
        return inputs

    def rounded_input(layer: Layer, inputs: Tensor) -> Tensor:
        return _rounded_values(inputs, *ranges[id(layer)].pop(0)) if rounding.inputs else inputs

    def note(layer: Layer, outputs: Tensor) -> Tensor:
        exact.setdefault(id(layer), []).append(_mean(outputs))
        return outputs

    def correct(layer: Layer, outputs: Tensor) -> Tensor:
        if not layer.use_bias or len(exact[id(layer)]) > 1:
            return outputs
        shifts[id(layer)] = exact[id(layer)][0] - _mean(outputs)
        return outputs + shifts[id(layer)]

    def rounded_kernel(kind: type, kernel: np.ndarray) -> np.ndarray:
        return rounding.of(kind, kernel) if kernel.size >= rounds_from else kernel

    replay(model, sources, _linear_steps(note_range, lambda _, kernel: kernel, note))
    replay(model, sources, _linear_steps(rounded_input, rounded_kernel, correct))
    if shifts:
        with errors_only("tensorflow"):  # which warns of every model that it compiles
            means = keras.Model(sources, list(shifts.values()))
            found = keras.tree.flatten(means.predict_on_batch([each[:IMAGES] for each in samples]))
        layers = {id(layer): layer for layer in model.layers}
        added = {layers[key].name: np.asarray(shift) for key, shift in zip(shifts, found, strict=True)}
        for name, shift in added.items():
            model.get_layer(name).bias.assign_add(shift)
        return added
    return {}


def rounded(kernel: np.ndarray, axes: tuple[int, ...], *, bits: int = 8) -> np.ndarray:
    """Return a kernel rounded to so many bits, symmetric about zero, one scale for each place on `axes`.

    Example:
        >>> rounded(np.array([[0.3, 127.0], [0.1, -2.6]]), (-1,)).round(3).tolist()
        [[0.3, 127.0], [0.099, -3.0]]
    """
    others = tuple(axis for axis in range(-kernel.ndim, 0) if axis not in axes)
    scale = np.abs(kernel).max(axis=others, keepdims=True) / (2 ** (bits - 1) - 1)
    return np.round(kernel / np.where(scale == 0, 1, scale)) * scale


def _linear_steps(
    before: Callable[[Layer, Tensor], Tensor],
    kernel_of: Callable[[type, np.ndarray], np.ndarray],
    after: Callable[[Layer, Tensor], Tensor],
) -> Callable[[Operation, Args, Kwargs], Tensor]:
    """Return a call for `replay` that gives layers other inputs, kernels, and outputs before their activation."""

    def call(operation: Operation, args: Args, kwargs: Kwargs) -> Tensor:
        if type(operation) not in _CHANNEL_AXES:
            return operation(*args, **kwargs)
        twin = type(operation).from_config({**operation.get_config(), "activation": None, "name": None})
        outputs = twin(before(operation, input_of(args, kwargs)))
        kernel, *bias = operation.get_weights()
        twin.set_weights([kernel_of(type(operation), kernel), *bias])
        return operation.activation(after(operation, outputs))

    return call


def _rounded_values(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the nearest of the 256 values from a lowest to a highest one, of which zero is one."""
    low, high = keras.ops.minimum(low, 0.0), keras.ops.maximum(high, 0.0)
    step = keras.ops.maximum((high - low) / 255, 1e-12)
    zero = keras.ops.round(-low / step)
    return (keras.ops.clip(keras.ops.round(values / step) + zero, 0, 255) - zero) * step


def _mean(outputs: Tensor) -> Tensor:
    """Return each channel's mean, with the batch axis kept that a Keras model's outputs need."""
    return keras.ops.mean(outputs, axis=tuple(range(len(outputs.shape) - 1)))
