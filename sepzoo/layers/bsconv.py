"""Blueprint separable convolutions (BSConv), Haase and Amthor, CVPR 2020, arXiv 2003.13549."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from sepzoo.layers.factorization import bsconv_s, bsconv_u
from sepzoo.layers.factorized import FactorizedConv, FactorizedConv1D, FactorizedConv2D
from sepzoo.layers.padding import Padding
from sepzoo.support.types import Config


class _BSConvU(FactorizedConv):
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: Padding = "valid",
        *,
        batch_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(bsconv_u(batch_norm=batch_norm), filters, kernel_size, strides, padding, **kwargs)

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        config = super().get_config()
        del config["factorization"]
        return {**config, "batch_norm": self.factorization.batch_norm}


class _BSConvS(FactorizedConv):
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: Padding = "valid",
        *,
        p: float = 0.25,
        min_mid_channels: int = 4,
        batch_norm: bool = False,
        orthonormal: float = 0.1,
        **kwargs: Any,
    ) -> None:
        kind = bsconv_s(p=p, min_mid_channels=min_mid_channels, batch_norm=batch_norm, orthonormal=orthonormal)
        super().__init__(kind, filters, kernel_size, strides, padding, **kwargs)

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        config = super().get_config()
        del config["factorization"]
        return {
            **config,
            "p": self.factorization.reduce,
            "min_mid_channels": self.factorization.min_mid_channels,
            "batch_norm": self.factorization.batch_norm,
            "orthonormal": self.factorization.orthonormal,
        }


@keras.saving.register_keras_serializable("sepzoo")
class BSConvU2D(_BSConvU, FactorizedConv2D):
    """Unconstrained blueprint convolution: 1 x 1 to `filters`, then a depthwise k x k (BSConv, sec. 3.2).

    Stands where `keras.layers.Conv2D` stands; input (batch, height, width, channels). Weights without bias:
    `channels * filters + filters * k * k`. The 1 x 1 runs at the input's resolution, also when strided.

    Args:
        filters: number of output channels.
        kernel_size: window, a number or (height, width).
        strides: of the depthwise step.
        padding: of the depthwise step, see `FactorizedConv`.
        batch_norm: batch normalization between the two steps.
        kwargs: the further arguments of `FactorizedConv`.

    Example:
        >>> import numpy as np
        >>> layer = BSConvU2D(16, 3, padding="same", use_bias=False)
        >>> layer(np.zeros((1, 8, 8, 4), "float32")).shape[-1], layer.count_params()
        (16, 208)
    """


@keras.saving.register_keras_serializable("sepzoo")
class BSConvU1D(_BSConvU, FactorizedConv1D):
    """`BSConvU2D` along one axis: input (batch, steps, channels).

    Example:
        >>> BSConvU1D(16, 5, padding="same").compute_output_shape((None, 100, 4))
        (None, 100, 16)
    """


@keras.saving.register_keras_serializable("sepzoo")
class BSConvS2D(_BSConvS, FactorizedConv2D):
    """Subspace blueprint convolution: 1 x 1 to p of the channels, 1 x 1 to `filters`, depthwise k x k.

    BSConv, sec. 3.3.
    There are `min(channels, max(min_mid_channels, ceil(p * channels)))` channels in the middle. The first kernel bears
    the orthonormal penalty, so it is part of the model's losses and needs nothing in the training loop.

    Args:
        filters: number of output channels.
        kernel_size: window, a number or (height, width).
        strides: of the depthwise step.
        padding: of the depthwise step, see `FactorizedConv`.
        p: ratio of mid channels, 0 … 1.
        min_mid_channels: the least number of them.
        batch_norm: batch normalization after each 1 x 1 (none in the paper's derivation; its ResNets have it).
        orthonormal: strength of the penalty; 0 switches it off.
        kwargs: the further arguments of `FactorizedConv`.

    Example:
        >>> import numpy as np
        >>> layer = BSConvS2D(16, 3, p=0.5, padding="same", use_bias=False)
        >>> layer(np.zeros((1, 8, 8, 8), "float32")).shape[-1], layer.count_params(), len(layer.losses)
        (16, 240, 1)
    """


@keras.saving.register_keras_serializable("sepzoo")
class BSConvS1D(_BSConvS, FactorizedConv1D):
    """`BSConvS2D` along one axis: input (batch, steps, channels).

    Example:
        >>> BSConvS1D(16, 5, strides=2, padding="same").compute_output_shape((None, 100, 4))
        (None, 50, 16)
    """


BSConvU = BSConvU2D
BSConvS = BSConvS2D
