"""Layers as linear maps: what each looks at, the matrix that it multiplies that by, and the layer of another matrix."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops

from sepzoo.layers.keras_convolutions import CONVOLUTIONS_1D_2D, SEPARABLE
from sepzoo.support.types import Layer
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.patches import Window, drawn_places, extract_patches
from sepzoo.surgery.pruning.anatomy import Slice, groups_of
from sepzoo.surgery.walk.layer_inputs import LayerInputs

layers = keras.layers
PLACES = 32
"""Of each sample and layer at most so many places are looked at; they are drawn by chance, always the same."""
_LINEAR = (*CONVOLUTIONS_1D_2D, layers.Dense, *SEPARABLE)


def is_linear(layer: Layer) -> bool:
    """Return whether a layer can be taken for a linear map here."""
    return type(layer) in _LINEAR


def matrices_of(layer: Layer) -> list[np.ndarray]:
    """Return what each group of a layer multiplies its features by, in double precision: (features, outputs)."""
    weight = layer.pointwise_kernel if hasattr(layer, "pointwise_kernel") else layer.kernel
    kernel = np.asarray(ops.convert_to_numpy(weight), "float64")
    return np.split(kernel.reshape(-1, kernel.shape[-1]), groups_of(layer), axis=-1)


def bias_of(layer: Layer) -> np.ndarray:
    """Return a layer's bias in double precision, zeros where it has none."""
    if layer.use_bias:
        return np.asarray(ops.convert_to_numpy(layer.bias), "float64")
    return np.zeros(sum(matrix.shape[1] for matrix in matrices_of(layer)))


def assign(layer: Layer, matrices: Sequence[np.ndarray], bias: np.ndarray) -> None:
    """Give a layer other matrices and, if it has one, another bias."""
    weight = layer.pointwise_kernel if hasattr(layer, "pointwise_kernel") else layer.kernel
    weight.assign(np.concatenate(matrices, axis=-1).reshape(weight.shape))
    if layer.use_bias:
        layer.bias.assign(bias)


def channels_of(layer: Layer) -> list[np.ndarray]:
    """Return for each group the input channel that each of its features is of."""
    if hasattr(layer, "pointwise_kernel"):
        return [np.repeat(np.arange(layer.depthwise_kernel.shape[-2]), layer.depth_multiplier)]
    *window, channels = layer.kernel.shape[:-1]
    return [group * channels + np.tile(np.arange(channels), math.prod(window)) for group in range(groups_of(layer))]


def features(layer: Layer, x: np.ndarray) -> list[np.ndarray]:
    """Return what each group of a layer looks at: (samples, places, features).

    Args:
        layer: a linear one.
        x: what comes to it.

    Example:
        >>> conv = layers.Conv2D(4, 3)
        >>> conv.build((None, 8, 8, 2))
        >>> features(conv, np.zeros((5, 8, 8, 2)))[0].shape
        (5, 36, 18)
    """
    if hasattr(layer, "pointwise_kernel"):
        settings = {"padding": layer.padding, "dilation_rate": layer.dilation_rate}
        y = ops.depthwise_conv(ops.convert_to_tensor(x), layer.depthwise_kernel, layer.strides, **settings)
        return [_places(np.asarray(ops.convert_to_numpy(y)))]
    if isinstance(layer, layers.Dense):
        return [_places(x)]
    padding, pair = layer.padding, isinstance(layer, layers.Conv2D)
    if padding == "causal":
        x = np.pad(x, [(0, 0), (layer.dilation_rate[0] * (layer.kernel_size[0] - 1), 0), (0, 0)])
        padding = "valid"
    one = () if pair else (1,)
    window = Window(
        kernel_size=(*one, *layer.kernel_size),
        strides=(*one, *layer.strides),
        dilation_rate=(*one, *layer.dilation_rate),
        padding=padding,
    )
    patches = extract_patches(x if pair else x[:, None], window)
    samples, height, width = patches.shape[:3]
    return [
        block.reshape(samples, height * width, -1)
        for block in np.split(patches, groups_of(layer), axis=patches.ndim - 1)
    ]


def _places(y: np.ndarray) -> np.ndarray:
    return y.reshape(len(y), -1, y.shape[-1])


def feature_batches(come: LayerInputs, layer: Layer) -> Iterator[list[np.ndarray]]:
    """Yield what a layer looks at when its model runs on samples: for each group (places, features).

    The same places are chosen for the same number of them, so that two models' can be compared.
    """
    generator = np.random.default_rng(0)
    for batch in come.of(layer):
        for x in batch:
            groups = features(layer, x)
            samples, places, _ = drawn_places((*groups[0].shape[:2], 1), PLACES, generator)
            yield [block[samples, places].reshape(-1, block.shape[-1]).astype("float64") for block in groups]


def pairs_of(
    old: LayerInputs, old_layer: Layer, new: LayerInputs, new_layer: Layer, kept: Slice
) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """Yield for each group of a layer what it looks at now, and what it should give, as `moments_of` takes them.

    Args:
        old: what comes to the layers of the original.
        old_layer: that of it, whose outputs are right.
        new: what comes to the layers now.
        new_layer: the layer where it stands now.
        kept: what stays of it.
    """
    matrices, bias = matrices_of(old_layer), bias_of(old_layer)
    for right, now in zip(feature_batches(old, old_layer), feature_batches(new, new_layer), strict=True):
        outputs = np.concatenate([x @ matrix for x, matrix in zip(right, matrices, strict=True)], axis=1) + bias
        yield list(zip(now, np.split(outputs[:, kept.outputs], len(now), axis=1), strict=True))


def moments_of(pairs: Iterator[list[tuple[np.ndarray, np.ndarray]]], groups: int) -> list[Moments]:
    """Return the moments of each group's batches of (features, right outputs)."""
    if groups == 1:
        return [Moments.of(pair for (pair,) in pairs)]
    batches = list(pairs)  # narrow ones
    return [Moments.of(batch[group] for batch in batches) for group in range(groups)]


def uncentred(moments: Moments) -> Moments:
    """Return moments about zero, for a map without a bias."""
    return dataclasses.replace(
        moments,
        gram=moments.gram + np.outer(moments.patch_mean, moments.patch_mean),
        cross=moments.cross + np.outer(moments.patch_mean, moments.output_mean),
        power=moments.power + moments.output_mean**2,
        patch_mean=np.zeros_like(moments.patch_mean),
        output_mean=np.zeros_like(moments.output_mean),
    )
