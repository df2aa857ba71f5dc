"""A scale and a shift of each channel, by the operators that TFLite computes them fastest with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from sepzoo.support.types import Layer, Tensor
from sepzoo.surgery.exact.affine import Affine
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.rewriting import Part, Replacement
from sepzoo.surgery.walk.sites import Site

VECTOR = 16
"""Channels from which the kernel of depthwise convolutions fills a vector register."""
DYNAMIC = 1024
"""Elements from which a kernel gets 8 bits in files of dynamic range, whose depthwise convolutions are slow."""


def with_fast_affine(model: keras.Model) -> keras.Model:
    """Return a network whose normalizations that no convolution could carry are quick operators.

    TFLite has a product and a sum with one number a channel, which it repeats for each pixel. A depthwise convolution
    of 1 x 1 is one pass, which takes the activation along; in 8 bits it rounds once, and has a scale for each channel.
    For few channels, such as those of pixels, the numbers are laid out for a whole row of the image. Depending on the
    shape that takes a half or a tenth of the time (`benchmarks/channel_affine.py`).

    Args:
        model: of batch normalization, `Normalization` and `Rescaling` on images, among other layers; it is only read.
    """
    plan = Plan(model)
    for site in plan.sites:
        affine = _affine_of(site)
        if affine is None:
            continue
        if VECTOR <= affine.scale.size < DYNAMIC and keras.backend.is_float_dtype(site.calls[0].inputs[0].dtype):
            plan.replace(site, _as_depthwise(site.layer, affine))
        elif 1 < affine.scale.size < VECTOR and site.input_shape[-2]:
            plan.replace(site, _as_rows(site.layer, affine))
    if not plan.replaces:
        return model
    plan.carry_out()  # which holds each layer against what it replaces; the file will be compared as a whole
    return plan.model


@np.errstate(all="ignore")  # what is not finite stays as it is
def _affine_of(site: Site) -> Affine | None:
    """Return the scale and the shift of a layer that has them by channel; None for any other, or called otherwise."""
    layer, [call, *further] = site.layer, site.calls
    channels = site.input_shape[-1]
    if further or len(site.input_shape) != 4 or channels is None or call.arguments.get("training"):
        return None
    if keras.config.image_data_format() != "channels_last":
        return None
    if type(layer) is keras.layers.BatchNormalization:
        numbers = Affine.of(layer) if layer.axis % 4 == 3 else None
    elif type(layer) is keras.layers.Rescaling:
        numbers = Affine(*(np.asarray(each, "float64") for each in (layer.scale, layer.offset)))
    elif type(layer) is keras.layers.Normalization and not layer.invert:
        own = Affine.of_normalization(layer)
        numbers = Affine(own.scale.squeeze(), own.shift.squeeze())
    else:
        numbers = None
    return None if numbers is None else _of_channels(numbers, channels)


def _of_channels(numbers: Affine, channels: int) -> Affine | None:
    """Return numbers for each channel; None where there are others, or the same for all channels."""
    both = (numbers.scale, numbers.shift)
    single = all(each.ndim == 0 for each in both)
    if single or any(each.shape not in ((), (channels,)) or not np.isfinite(each).all() for each in both):
        return None
    return Affine(*(np.broadcast_to(each, (channels,)) for each in both))


def _as_depthwise(layer: Layer, affine: Affine) -> Replacement:
    new = keras.layers.DepthwiseConv2D(1, dtype=layer.dtype_policy, name=layer.name)
    return Replacement((Part(new, (affine.scale.reshape(1, 1, -1, 1), affine.shift)),), "as a depthwise convolution")


def _as_rows(layer: Layer, affine: Affine) -> Replacement:
    return Replacement(
        (Part(_Rows(affine, dtype=layer.dtype_policy, name=layer.name)),), "with numbers for a whole row"
    )


class _Rows(keras.layers.Layer):
    """A scale and a shift of each channel, which stand in the graph as often as a row has pixels."""

    def __init__(self, affine: Affine, **settings: Any) -> None:
        super().__init__(**settings)
        self.affine = affine

    def call(self, inputs: Tensor) -> Tensor:
        """Return what the map makes of images of a known width."""
        whole = (1, 1, *inputs.shape[-2:])  # of as many dimensions as the image: GPUs of phones repeat no others
        scale, shift = (
            np.broadcast_to(each.astype(self.compute_dtype), whole) for each in (self.affine.scale, self.affine.shift)
        )
        return keras.ops.cast(inputs, self.compute_dtype) * scale + shift
