"""One function for a k x k convolution of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from sepzoo.layers.bsconv import BSConvS2D, BSConvU2D
from sepzoo.layers.factorization import Factorization, bsconv_s, bsconv_u, factorization, separable
from sepzoo.layers.factorized import FactorizedConv2D
from sepzoo.support.types import Options


def conv2d(
    kind: str | Factorization,
    filters: int,
    kernel_size: int | Sequence[int],
    *,
    conv_options: Options | None = None,
    **arguments: Any,
) -> keras.layers.Layer:
    """Return the layer for a kind of convolution; channels last.

    "regular" gives Keras's `Conv2D` and a plain "separable" its `SeparableConv2D` wherever these know the padding; all
    else gives our layers.

    Args:
        kind: a name of `sepzoo.layers.PRESETS`, or a `Factorization`.
        filters: number of output channels.
        kernel_size: window, a number or (height, width).
        conv_options: the kind's own options, for example `{"p": 0.25}`.
        arguments: of `sepzoo.layers.FactorizedConv`; for "regular" of `keras.layers.Conv2D` too.

    Raises:
        SepzooError: an unknown kind or option, or a value out of range.

    Example:
        >>> type(conv2d("bsconv_u", 32, 3)).__name__, type(conv2d("separable", 32, 3)).__name__
        ('BSConvU2D', 'SeparableConv2D')
    """
    record = factorization(kind, **(conv_options or {}))
    zeros = arguments.get("padding_mode", "zeros") == "zeros"
    in_keras = zeros and arguments.get("padding", "valid") in ("valid", "same")
    own = ("padding_mode", "batch_norm_momentum", "batch_norm_epsilon")  # what our layers take, and nothing needs here
    shared = {name: value for name, value in arguments.items() if name not in own}
    if record.kind == "regular" and in_keras:
        return keras.layers.Conv2D(filters, kernel_size, **shared)
    if record == separable(terms=record.terms) and in_keras:
        return keras.layers.SeparableConv2D(filters, kernel_size, depth_multiplier=record.terms, **shared)
    if record == bsconv_u(batch_norm=record.batch_norm):
        return BSConvU2D(filters, kernel_size, batch_norm=record.batch_norm, **arguments)
    options = {name: getattr(record, name) for name in ("min_mid_channels", "batch_norm", "orthonormal")}
    if record.reduce is not None and record == bsconv_s(p=record.reduce, **options):
        return BSConvS2D(filters, kernel_size, p=record.reduce, **options, **arguments)
    return FactorizedConv2D(record, filters, kernel_size, **arguments)
