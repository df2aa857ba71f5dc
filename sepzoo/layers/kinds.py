"""One function for a convolution of any kind: over images, over series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from sepzoo.layers.bsconv import BSConvS1D, BSConvS2D, BSConvU1D, BSConvU2D
from sepzoo.layers.factorization import Factorization, bsconv_s, bsconv_u, factorization, separable
from sepzoo.layers.factorized import FactorizedConv1D, FactorizedConv2D
from sepzoo.layers.keras_convolutions import CONVOLUTIONS, SEPARABLE
from sepzoo.support.types import Options

_BSCONV_U = {1: BSConvU1D, 2: BSConvU2D}
_BSCONV_S = {1: BSConvS1D, 2: BSConvS2D}
_FACTORIZED = {1: FactorizedConv1D, 2: FactorizedConv2D}


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
    return convolution(2, kind, filters, kernel_size, conv_options=conv_options, **arguments)


def conv1d(
    kind: str | Factorization,
    filters: int,
    kernel_size: int | Sequence[int],
    *,
    conv_options: Options | None = None,
    **arguments: Any,
) -> keras.layers.Layer:
    """Return the layer for a kind of convolution along one axis: input (batch, steps, channels).

    Args:
        kind: as for `conv2d`.
        filters: number of output channels.
        kernel_size: window.
        conv_options: the kind's own options.
        arguments: of `sepzoo.layers.FactorizedConv`; for "regular" of `keras.layers.Conv1D` too.

    Raises:
        SepzooError: an unknown kind or option, or a value out of range.

    Example:
        >>> type(conv1d("bsconv_u", 32, 9)).__name__, type(conv1d("separable", 32, 9)).__name__
        ('BSConvU1D', 'SeparableConv1D')
    """
    return convolution(1, kind, filters, kernel_size, conv_options=conv_options, **arguments)


def convolution(
    rank: int,
    kind: str | Factorization,
    filters: int,
    kernel_size: int | Sequence[int],
    *,
    conv_options: Options | None = None,
    **arguments: Any,
) -> keras.layers.Layer:
    """Return the layer for a kind of convolution over `rank` spatial axes, 1 or 2; see `conv2d`."""
    record = factorization(kind, **(conv_options or {}))
    zeros = arguments.get("padding_mode", "zeros") == "zeros"
    in_keras = zeros and arguments.get("padding", "valid") in ("valid", "same")
    own = ("padding_mode", "batch_norm_momentum", "batch_norm_epsilon")  # what our layers take, and nothing needs here
    shared = {name: value for name, value in arguments.items() if name not in own}
    if record.kind == "regular" and in_keras:
        return CONVOLUTIONS[rank - 1](filters, kernel_size, **shared)
    if record == separable(terms=record.terms) and in_keras:
        return SEPARABLE[rank - 1](filters, kernel_size, depth_multiplier=record.terms, **shared)
    if record == bsconv_u(batch_norm=record.batch_norm):
        return _BSCONV_U[rank](filters, kernel_size, batch_norm=record.batch_norm, **arguments)
    options = {name: getattr(record, name) for name in ("min_mid_channels", "batch_norm", "orthonormal")}
    if record.reduce is not None and record == bsconv_s(p=record.reduce, **options):
        return _BSCONV_S[rank](filters, kernel_size, p=record.reduce, **options, **arguments)
    return _FACTORIZED[rank](record, filters, kernel_size, **arguments)
