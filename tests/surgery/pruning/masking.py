"""The original with its pruned channels at zero, by NumPy: what a pruned network must answer like.

Which channels are gone is read off the pruned network's weights alone, as random values tell channels apart.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from sepzoo.layers import LayerScale

TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose)
PASSING = (layers.PReLU, layers.Normalization, layers.LayerNormalization, layers.GroupNormalization, LayerScale)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)


def by_path(model, prefix=""):
    """Return each layer with weights by its name, those of nested models as "model/layer"."""
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= by_path(layer, f"{prefix}{layer.name}/")
        else:
            found[prefix + layer.name] = layer
    return found


def masked(model, pruned):
    """Make all channels that the pruned network has no more zero in the model, where they are made."""
    smaller = by_path(pruned)
    for name, layer in by_path(model).items():
        if layer.weights and not isinstance(smaller[name], PASSING):
            _mask(layer, smaller[name])
    return model


def _mask(layer, small):
    if isinstance(layer, layers.BatchNormalization):
        gone = ~np.isin(layer.gamma.numpy(), small.gamma.numpy())
        named = {"gamma": -1, "beta": -1}
    else:
        kernel, axis = "pointwise_kernel" if hasattr(layer, "pointwise_kernel") else "kernel", -1
        if isinstance(layer, TRANSPOSED):
            axis = -2
        values, left = getattr(layer, kernel).numpy(), getattr(small, kernel).numpy()
        if isinstance(layer, DEPTHWISE):  # an output for each input and multiple
            shares = np.isin(values, left).mean(axis=tuple(range(values.ndim - 2))).ravel()
            values = values.reshape(*values.shape[:-2], 1, -1)
        else:
            shares = np.isin(np.moveaxis(values, axis, 0), left).reshape(values.shape[axis], -1).mean(axis=1)
        gone = shares < 0.05
        assert np.count_nonzero(~gone) == _outputs(small)
        named = {"bias": -1}
        kept = np.moveaxis(np.array(values), axis, -1) * ~gone
        getattr(layer, kernel).assign(np.moveaxis(kept, -1, axis).reshape(getattr(layer, kernel).shape))
    for variable in layer.weights:
        if variable.name in named:
            variable.assign(np.where(gone, 0.0, variable.numpy()))


def _outputs(layer):
    if isinstance(layer, DEPTHWISE):
        return layer.kernel.shape[-2] * layer.depth_multiplier
    return layer.units if isinstance(layer, layers.Dense) else layer.filters
