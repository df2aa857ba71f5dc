"""The layer that a `Factorization` describes: one node in a model, built-in layers (or twins of them) inside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from sepzoo.layers.composed import composed_kernel, composing_pays
from sepzoo.layers.factorization import Factorization
from sepzoo.layers.factors import step_layers
from sepzoo.layers.padding import MODES, Padding, PaddingMode, Resolved, resolve
from sepzoo.layers.sum_terms import SumTerms
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Activation, Config, Constraint, Initializer, Regularizer, Tensor


def _per_axis(value: int | Sequence[int], rank: int, name: str) -> tuple[int, ...]:
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(values) != rank or any(not isinstance(v, int) or v < 1 for v in values):
        raise SepzooError(f"expected {name} as a positive number, or {rank} of them. Received: {name}={value!r}.")
    return values


class FactorizedConv(keras.layers.Layer):
    """A convolution separated as its `factorization` says; channels last.

    Takes the arguments of Keras's `SeparableConv2D` and stands in its place, or in that of `Conv2D`. Once built,
    `factors` holds the built-in layers that run one after the other; `sepzoo.surgery.to_keras` writes them out.

    Args:
        factorization: how the convolution is separated.
        filters: number of output channels.
        kernel_size: window, a number or one for each spatial axis.
        strides: of the window; the 1 x 1 steps before it run at the input's resolution.
        padding: "valid", "same", "symmetric" (as PyTorch's models pad, also when strided), a number, or numbers or
            (before, after) pairs for each axis. Stands at the k x k step.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        data_format: None or "channels_last".
        dilation_rate: spacing of the window's positions.
        activation: after the last step.
        use_bias: whether the last step has a bias (the others never have one).
        depthwise_initializer: of the k x k kernel.
        pointwise_initializer: of the 1 x 1 kernels.
        bias_initializer: of the bias.
        depthwise_regularizer: of the k x k kernel.
        pointwise_regularizer: of the 1 x 1 kernels.
        bias_regularizer: of the bias.
        depthwise_constraint: of the k x k kernel.
        pointwise_constraint: of the 1 x 1 kernels.
        bias_constraint: of the bias.
        batch_norm_momentum: of the batch normalizations between the steps, where the factorization has them.
        batch_norm_epsilon: likewise.
        kwargs: of `keras.layers.Layer`: name, dtype, trainable, activity_regularizer.

    Raises:
        SepzooError: an argument out of range, or channels that the factorization's groups do not divide.
    """

    rank: int

    def __init__(
        self,
        factorization: Factorization,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: Padding = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Activation = None,
        use_bias: bool = True,
        depthwise_initializer: Initializer = "glorot_uniform",
        pointwise_initializer: Initializer = "glorot_uniform",
        bias_initializer: Initializer = "zeros",
        depthwise_regularizer: Regularizer = None,
        pointwise_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        depthwise_constraint: Constraint = None,
        pointwise_constraint: Constraint = None,
        bias_constraint: Constraint = None,
        *,
        padding_mode: PaddingMode = "zeros",
        batch_norm_momentum: float = 0.99,
        batch_norm_epsilon: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last"):
            raise SepzooError(f"expected data_format None or 'channels_last'. Received: data_format={data_format!r}.")
        if padding_mode not in MODES:
            raise SepzooError(
                f"expected a padding_mode of {', '.join(MODES)}. Received: padding_mode={padding_mode!r}."
            )
        if not isinstance(filters, int) or filters < 1:
            raise SepzooError(f"expected at least 1 filter. Received: filters={filters!r}.")
        self.factorization = (
            Factorization.from_config(factorization) if isinstance(factorization, dict) else factorization
        )
        self.filters = filters
        self.kernel_size = _per_axis(kernel_size, self.rank, "kernel_size")
        self.strides = _per_axis(strides, self.rank, "strides")
        self.dilation_rate = _per_axis(dilation_rate, self.rank, "dilation_rate")
        self.padding = padding
        self.padding_mode = padding_mode
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.depthwise_initializer = keras.initializers.get(depthwise_initializer)
        self.pointwise_initializer = keras.initializers.get(pointwise_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.depthwise_regularizer = keras.regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = keras.regularizers.get(pointwise_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.depthwise_constraint = keras.constraints.get(depthwise_constraint)
        self.pointwise_constraint = keras.constraints.get(pointwise_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.batch_norm_momentum = batch_norm_momentum
        self.batch_norm_epsilon = batch_norm_epsilon
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self.factors: list[keras.layers.Layer] = []
        self._resolved = self._resolve_padding()

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the factors for the input's channels."""
        channels = input_shape[-1]
        if channels is None:
            raise SepzooError(f"{self.name}: expected a known number of channels. Received: input_shape={input_shape}.")
        steps = self.factorization.steps(channels, self.filters)
        self.factors = [
            factor for step in steps for factor in step_layers(self, step, self._resolved, last=step is steps[-1])
        ]
        if self.factorization.terms > 1 and self.factorization.order == "pw_dw":
            self.factors.append(SumTerms(self.factorization.terms, name="sum", dtype=self.dtype_policy))
        shape = tuple(input_shape)
        for factor in self.factors:
            factor.build(shape)
            shape = factor.compute_output_shape(shape)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2, axes={-1: channels})

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Run the factors one after the other."""
        if training and self._composes:
            return self.activation(self._composed(inputs))
        x = inputs
        for factor in self.factors:
            x = factor(x, training=training) if isinstance(factor, keras.layers.BatchNormalization) else factor(x)
        return self.activation(x)

    @property
    def _composes(self) -> bool:
        """Whether training runs one dense convolution, as it can where two linear steps meet."""
        kernels = [factor for factor in self.factors if factor.weights]
        if len(kernels) != 2 or self.factorization.activation or self.factorization.groups != "channels":
            return False
        order, terms = self.factorization.order, self.factorization.terms
        width = kernels[0].kernel.shape[-2] if order == "pw_dw" else self.filters
        return composing_pays(order, terms, width, math.prod(self.kernel_size))

    def _composed(self, x: Tensor) -> Tensor:
        """Return the sum of the terms without activation. The padding, if any, may stand before either step."""
        order, terms, factors = self.factorization.order, self.factorization.terms, {f.name: f for f in self.factors}
        pad, pointwise, depthwise = factors.get("pad"), factors["pointwise"], factors["depthwise"]
        kernel = composed_kernel(depthwise.kernel, pointwise.kernel, order, terms)
        x, padding = (x, self._resolved) if pad is None else (pad(x), "valid")
        x = keras.ops.conv(x, kernel, self.strides, padding, dilation_rate=self.dilation_rate)
        if self.use_bias:
            biases = (depthwise if order == "pw_dw" else pointwise).bias  # one for each term
            x = x + keras.ops.sum(keras.ops.reshape(biases, (-1, self.filters)), axis=0)
        return x

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return (batch, spatial axes …, filters)."""
        sizes = [self._output_size(size, axis) for axis, size in enumerate(input_shape[1:-1])]
        return (input_shape[0], *sizes, self.filters)

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {
            **super().get_config(),
            "factorization": self.factorization.to_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "depthwise_initializer": keras.initializers.serialize(self.depthwise_initializer),
            "pointwise_initializer": keras.initializers.serialize(self.pointwise_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "depthwise_regularizer": keras.regularizers.serialize(self.depthwise_regularizer),
            "pointwise_regularizer": keras.regularizers.serialize(self.pointwise_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": keras.regularizers.serialize(self.activity_regularizer),
            "depthwise_constraint": keras.constraints.serialize(self.depthwise_constraint),
            "pointwise_constraint": keras.constraints.serialize(self.pointwise_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
            "padding_mode": self.padding_mode,
            "batch_norm_momentum": self.batch_norm_momentum,
            "batch_norm_epsilon": self.batch_norm_epsilon,
        }

    def _resolve_padding(self) -> Resolved:
        geometry = {"kernel_size": self.kernel_size, "strides": self.strides, "dilation_rate": self.dilation_rate}
        resolved = resolve(self.padding, **geometry)
        if self.padding_mode == "zeros" or resolved == "valid":
            return resolved
        if resolved == "same" and max(self.strides) > 1:
            raise SepzooError(
                f"{self.name}: padding='same' depends on the input's size when strided, so it goes with "
                f"padding_mode='zeros' alone. Received: padding_mode={self.padding_mode!r}. Use padding='symmetric'."
            )
        return resolved if resolved != "same" else self._symmetric_pairs()

    def _symmetric_pairs(self) -> tuple[tuple[int, int], ...]:
        reach = [rate * (k - 1) for k, rate in zip(self.kernel_size, self.dilation_rate, strict=True)]
        return tuple((total // 2, total - total // 2) for total in reach)

    def _output_size(self, size: int | None, axis: int) -> int | None:
        if size is None:
            return None
        if self._resolved == "same":
            return -(-size // self.strides[axis])
        padded = size + (0 if self._resolved == "valid" else sum(self._resolved[axis]))
        reach = self.dilation_rate[axis] * (self.kernel_size[axis] - 1) + 1
        return (padded - reach) // self.strides[axis] + 1


@keras.saving.register_keras_serializable("sepzoo")
class FactorizedConv1D(FactorizedConv):
    """`FactorizedConv` along one axis: (batch, steps, channels)."""

    rank = 1


@keras.saving.register_keras_serializable("sepzoo")
class FactorizedConv2D(FactorizedConv):
    """`FactorizedConv` over images: (batch, height, width, channels).

    Example:
        >>> from sepzoo.layers import factorization
        >>> layer = FactorizedConv2D(factorization("bsconv_s", p=0.5), 32, 3, padding="same")
        >>> layer.compute_output_shape((None, 16, 16, 8))
        (None, 16, 16, 32)
    """

    rank = 2
