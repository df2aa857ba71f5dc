"""Convolutions, batch normalizations and activations of one network, by its conventions, named by their places."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from sepzoo.layers import initializers
from sepzoo.layers.conventions import Conventions
from sepzoo.layers.factorization import Factorization
from sepzoo.layers.keras_convolutions import CONVOLUTIONS, DEPTHWISE
from sepzoo.layers.kinds import convolution
from sepzoo.layers.orthonormal import OrthonormalRegularizer
from sepzoo.layers.padding import Padding, padding_layer, resolve
from sepzoo.support.types import Kwargs, Regularizer, Tensor

Window = int | tuple[int, ...]
"""A size or a step along all spatial axes, or along each."""


@dataclasses.dataclass(frozen=True)
class ConvolutionBuilder:
    """The half of `LayerBuilder` that pads, convolves, normalizes and activates.

    Tensors are images (batch, height, width, channels) or series (batch, steps, channels); each gets its layers.
    """

    conventions: Conventions = dataclasses.field(default_factory=Conventions)
    factorization: Factorization | None = None

    def conv(
        self,
        x: Tensor,
        filters: int,
        kernel_size: Window,
        *,
        name: str,
        strides: Window = 1,
        dilation_rate: int = 1,
        padding: Padding | None = None,
        use_bias: bool = False,
        regularizer: Regularizer = None,
    ) -> Tensor:
        """Dense convolution; `padding` overrides the conventions' where a paper's table does."""
        x, padding = self._pad(x, kernel_size, strides, dilation_rate, name, padding)
        layer = CONVOLUTIONS[rank_of(x) - 1](
            filters,
            kernel_size,
            strides=strides,
            dilation_rate=dilation_rate,
            padding=padding,
            use_bias=use_bias,
            kernel_initializer=initializers.dense_kernel(self.conventions.initializers),
            kernel_regularizer=regularizer,
            name=name,
        )
        return layer(x)

    def depthwise(
        self,
        x: Tensor,
        kernel_size: int,
        *,
        name: str,
        strides: int = 1,
        dilation_rate: int = 1,
        depth_multiplier: int = 1,
        use_bias: bool = False,
    ) -> Tensor:
        """Depthwise convolution."""
        x, padding = self._pad(x, kernel_size, strides, dilation_rate, name)
        layer = DEPTHWISE[rank_of(x) - 1](
            kernel_size,
            strides=strides,
            dilation_rate=dilation_rate,
            padding=padding,
            depth_multiplier=depth_multiplier,
            use_bias=use_bias,
            depthwise_initializer=initializers.depthwise_kernel(
                self.conventions.initializers, kernel_size ** rank_of(x)
            ),
            name=name,
        )
        return layer(x)

    def factorized(
        self,
        x: Tensor,
        kind: Factorization,
        filters: int,
        kernel_size: int,
        *,
        name: str,
        strides: int = 1,
        dilation_rate: int = 1,
        use_bias: bool = False,
    ) -> Tensor:
        """Convolution of any kind."""
        geometry: Kwargs = {
            "strides": strides,
            "dilation_rate": dilation_rate,
            "use_bias": use_bias,
            "name": name,
        }
        if kind.kind == "regular":
            return self.conv(x, filters, kernel_size, **geometry)
        scheme, rank = self.conventions.initializers, rank_of(x)
        layer = convolution(
            rank,
            kind,
            filters,
            kernel_size,
            padding=self._padding(kernel_size, strides, rank),
            pointwise_initializer=initializers.replaced_pointwise(scheme),
            depthwise_initializer=initializers.replaced_depthwise(scheme, kernel_size**rank),
            batch_norm_momentum=self.conventions.batch_norm_momentum,
            batch_norm_epsilon=self.conventions.batch_norm_epsilon,
            **geometry,
        )
        return layer(x)

    def slot(self, x: Tensor, filters: int, kernel_size: int, **arguments: Any) -> Tensor:
        """Convolution of the kind that `build` was asked for, or dense."""
        if self.factorization is None:
            return self.conv(x, filters, kernel_size, **arguments)
        return self.factorized(x, self.factorization, filters, kernel_size, **arguments)

    def slot_bn(
        self, x: Tensor, filters: int, kernel_size: int, *, name: str, activation: str | None, **arguments: Any
    ) -> Tensor:
        """The same, then batch normalization and activation."""
        return self._normalized(self.slot(x, filters, kernel_size, name=name, **arguments), name, activation)

    def conv_bn(
        self, x: Tensor, filters: int, kernel_size: Window, *, name: str, activation: str | None, **arguments: Any
    ) -> Tensor:
        """Dense convolution, batch normalization, activation."""
        return self._normalized(self.conv(x, filters, kernel_size, name=name, **arguments), name, activation)

    def depthwise_bn(
        self, x: Tensor, kernel_size: int, *, name: str, activation: str | None, **arguments: Any
    ) -> Tensor:
        """Depthwise convolution, batch normalization, activation."""
        return self._normalized(self.depthwise(x, kernel_size, name=name, **arguments), name, activation)

    def factorized_bn(
        self,
        x: Tensor,
        kind: Factorization,
        filters: int,
        kernel_size: int,
        *,
        name: str,
        activation: str | None,
        **arguments: Any,
    ) -> Tensor:
        """Convolution of any kind, batch normalization, activation."""
        x = self.factorized(x, kind, filters, kernel_size, name=name, **arguments)
        return self._normalized(x, name, activation)

    def batch_norm(self, x: Tensor, *, name: str) -> Tensor:
        """Batch normalization."""
        layer = keras.layers.BatchNormalization(
            momentum=self.conventions.batch_norm_momentum, epsilon=self.conventions.batch_norm_epsilon, name=name
        )
        return layer(x)

    def activation(self, x: Tensor, activation: str | None, *, name: str) -> Tensor:
        """Activation; `None` changes nothing. The layer is `{name}_{activation}`.

        "leaky_relu" has Darknet's slope of 0.1; "prelu" learns a slope for each channel (He et al. 2015, 1502.01852).
        """
        if activation is None:
            return x
        if activation == "leaky_relu":
            return keras.layers.LeakyReLU(0.1, name=f"{name}_{activation}")(x)
        if activation == "prelu":
            slope = keras.initializers.Constant(0.25)
            return keras.layers.PReLU(slope, shared_axes=tuple(range(1, 1 + rank_of(x))), name=f"{name}_{activation}")(
                x
            )
        if activation in ("relu", "relu6"):
            return keras.layers.ReLU(6.0 if activation == "relu6" else None, name=f"{name}_{activation}")(x)
        return keras.layers.Activation(activation, name=f"{name}_{activation}")(x)

    def orthonormal(self) -> OrthonormalRegularizer | None:
        """Return the penalty on linear projections, which is what "bsconv_s" means in MobileNetV2 and V3."""
        strength = self.factorization.orthonormal if self.factorization else 0.0
        return OrthonormalRegularizer(strength) if strength else None

    def _normalized(self, x: Tensor, name: str, activation: str | None) -> Tensor:
        return self.activation(self.batch_norm(x, name=f"{name}_bn"), activation, name=name)

    def _pad(
        self,
        x: Tensor,
        kernel_size: Window,
        strides: Window,
        dilation_rate: int,
        name: str,
        padding: Padding | None = None,
    ) -> tuple[Tensor, str]:
        """Return the tensor, padded by a layer where Keras's convolution can't, and the padding that it then takes."""
        rank = rank_of(x)
        resolved = resolve(
            self._padding(kernel_size, strides, rank) if padding is None else padding,
            kernel_size=_each(kernel_size, rank),
            strides=_each(strides, rank),
            dilation_rate=(dilation_rate,) * rank,
        )
        if isinstance(resolved, str):
            return x, resolved
        return padding_layer(resolved, "zeros", name=f"{name}_pad")(x), "valid"

    def _padding(self, kernel_size: Window, strides: Window, rank: int) -> Padding:
        sizes, steps = _each(kernel_size, rank), _each(strides, rank)
        if set(sizes) == {1} or set(steps) == {1}:
            return "same"
        if self.conventions.padding != "end":
            return self.conventions.padding
        totals = [max(size - (1 if step == 1 else 2), 0) for size, step in zip(sizes, steps, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)


def rank_of(x: Tensor) -> int:
    """Return how many spatial axes a tensor has: 2 of images, 1 of series."""
    return len(x.shape) - 2


def _each(window: Window, rank: int) -> tuple[int, ...]:
    return (window,) * rank if isinstance(window, int) else window
