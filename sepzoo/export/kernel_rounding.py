"""A layer's kernel rounded so that its outputs on samples err least."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.support.types import Layer
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.patches import drawn_places, extract_patches
from sepzoo.surgery.algebra.rounding import rounded_by_outputs, steps_of
from sepzoo.surgery.approximate.dense_convolutions import window_of

_POSITIONS = 64
"""Of each sample and layer at most so many places are looked at."""
_NOISE = 1.0
"""Power of white noise that a layer's inputs are taken to have besides, as a share of their own: it holds weights back
whose inputs the samples hardly show. Of .003 … 3 the best or as good as the best, with 4 and 8 bits, on MobileNetV1."""


def can_round_by_outputs(layer: Layer, kernel: np.ndarray) -> bool:
    """Return whether a layer's outputs are its patches by its kernel, and the kernel may be changed.

    Where most weights are equal to others, as in a clustered kernel or one that was rounded before, equal ones are to
    stay equal.
    """
    weights = kernel[kernel != 0]
    clustered = len(np.unique(weights)) < weights.size / 2
    plain = getattr(layer, "groups", 1) == 1 and getattr(layer, "data_format", "channels_last") == "channels_last"
    return plain and not clustered


def round_by_outputs(
    layer: Layer,
    kernel: np.ndarray,
    inputs: np.ndarray,
    outputs: np.ndarray,
    *,
    largest: int,
    axes: tuple[int, ...],
    generator: np.random.Generator,
) -> np.ndarray:
    """Return a layer's kernel, each weight rounded up or down.

    Args:
        layer: a convolution, a depthwise one or a fully connected layer.
        kernel: of the layer.
        inputs: as they will come to it.
        outputs: the right ones, before the activation.
        largest: of the integers.
        axes: of the kernel on which each place has a step of its own.
        generator: draws the places that are looked at.
    """
    x, y = _seen(layer, inputs, outputs, generator)
    channels, filters = kernel.shape[-2:]
    matrix = kernel.reshape(-1, channels, filters).astype("float64")
    steps = np.broadcast_to(steps_of(kernel, axes, largest=largest), kernel.shape)
    steps = steps.reshape(matrix.shape)[0].astype("float64")
    if type(layer) is keras.layers.DepthwiseConv2D:
        matrix = matrix.swapaxes(0, 1)
        parts = [(x[:, :, i], y[:, i * filters :][:, :filters]) for i in range(channels)]
    else:
        matrix, steps, parts = matrix.reshape(1, -1, filters), steps[:1], [(x.reshape(len(x), -1), y)]
    moments = [Moments.of([seen]).regularized(part, _NOISE) for seen, part in zip(parts, matrix, strict=True)]
    found = rounded_by_outputs(matrix, steps, moments, largest=largest)
    return found.swapaxes(0, 1).reshape(kernel.shape).astype(kernel.dtype)


def _seen(
    layer: Layer, inputs: np.ndarray, outputs: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return (places, window, channels) of a layer's inputs and (places, filters) of its outputs, drawn by chance."""
    if isinstance(layer, keras.layers.Dense):
        view = inputs.reshape(len(inputs), 1, -1, 1, 1, inputs.shape[-1])
    else:
        view = extract_patches(inputs, window_of(layer))
    at = drawn_places(view.shape, _POSITIONS, generator)
    y = outputs.reshape(*view.shape[:3], -1)[at]
    return (
        view[at].reshape(at[1].size, -1, view.shape[-1]).astype("float64"),
        y.reshape(at[1].size, -1).astype("float64"),
    )
