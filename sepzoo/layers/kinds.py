"""One function for a k x k convolution of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from sepzoo.layers.bsconv import BSConvS2D, BSConvU2D
from sepzoo.layers.factorization import Factorization, bsconv_s, bsconv_u, factorization, separable
from sepzoo.layers.factorized import FactorizedConv2D


def conv2d(
    kind: str | Factorization,
    filters: int,
    kernel_size: int | Sequence[int],
    *,
    conv_options: dict[str, Any] | None = None,
    **arguments: Any,
) -> keras.layers.Layer:
    """Return the layer for a kind of convolution; channels last.

    "regular" gives Keras's `Conv2D` and a plain "separable" its `SeparableConv2D` wherever these can say it; the other
    kinds give our layers, which take the same arguments.

    Args:
        kind: a name of `sepzoo.layers.PRESETS`, or a `Factorization`.
        filters: number of output channels.
        kernel_size: window, a number or (height, width).
        conv_options: the kind's own options, for example `{"p": 0.25}`.
        arguments: of `sepzoo.layers.FactorizedConv`; for "regular" of `keras.layers.Conv2D`.

    Raises:
        SepzooError: an unknown kind or option, or a value out of range.

    Example:
        >>> type(conv2d("bsconv_u", 32, 3)).__name__, type(conv2d("separable", 32, 3)).__name__
        ('BSConvU2D', 'SeparableConv2D')
    """
    record = factorization(kind, **(conv_options or {}))
    in_keras = arguments.get("padding", "valid") in ("valid", "same")
    if record.kind == "regular" and in_keras:
        return keras.layers.Conv2D(filters, kernel_size, **arguments)
    if record == separable(terms=record.terms) and in_keras:
        between = ("batch_norm_momentum", "batch_norm_epsilon")  # of a batch normalization that is not there
        arguments = {name: value for name, value in arguments.items() if name not in between}
        return keras.layers.SeparableConv2D(filters, kernel_size, depth_multiplier=record.terms, **arguments)
    if record == bsconv_u(batch_norm=record.batch_norm):
        return BSConvU2D(filters, kernel_size, batch_norm=record.batch_norm, **arguments)
    own = {name: getattr(record, name) for name in ("min_mid_channels", "batch_norm", "orthonormal")}
    if record.reduce is not None and record == bsconv_s(p=record.reduce, **own):
        return BSConvS2D(filters, kernel_size, p=record.reduce, **own, **arguments)
    return FactorizedConv2D(record, filters, kernel_size, **arguments)
