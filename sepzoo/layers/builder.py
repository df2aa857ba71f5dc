"""The words that networks are written in: convolution, batch normalization, activation, each with its place's name."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import keras

from sepzoo.layers import initializers
from sepzoo.layers.drop_path import DropPath
from sepzoo.layers.factorization import Factorization
from sepzoo.layers.kinds import conv2d
from sepzoo.layers.orthonormal import OrthonormalRegularizer
from sepzoo.layers.padding import padding_layer, resolve
from sepzoo.support.errors import SepzooError, unknown

StridedPadding = Literal["same", "symmetric", "end"]


@dataclasses.dataclass(frozen=True)
class Conventions:
    """Where two ports of one paper differ, though its table is the same.

    Attributes:
        padding: of k x k convolutions: "same" (TensorFlow's), "symmetric" ((k-1)/2 on every side, PyTorch's), or "end"
            (when strided, at any size, the rows that "same" adds to an even one; Keras's MobileNet has it).
        input_batch_norm: a batch normalization on the pixels in place of a fixed mean and deviation.
        batch_norm_momentum: of every batch normalization, as Keras counts it (PyTorch's 0.1 is 0.9).
        batch_norm_epsilon: of every batch normalization.
        initializers: "keras", or "bsconv" for the initial weights of the BSConv authors' program.
    """

    padding: StridedPadding = "same"
    input_batch_norm: bool = False
    batch_norm_momentum: float = 0.99
    batch_norm_epsilon: float = 1e-3
    initializers: initializers.Scheme = "keras"

    def __post_init__(self) -> None:
        if self.padding not in ("same", "symmetric", "end"):
            raise unknown("padding", str(self.padding), ("same", "symmetric", "end"))
        if self.initializers not in ("keras", "bsconv"):
            raise unknown("initializers", str(self.initializers), ("keras", "bsconv"))
        if not 0 <= self.batch_norm_momentum < 1 or self.batch_norm_epsilon <= 0:
            raise SepzooError(
                "expected batch_norm_momentum in [0, 1) and a positive batch_norm_epsilon. Received: "
                f"batch_norm_momentum={self.batch_norm_momentum}, batch_norm_epsilon={self.batch_norm_epsilon}."
            )


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Layers of one network, all by the same conventions; each method takes a tensor and returns one.

    Attributes:
        conventions: what this port of the network does its own way.
        factorization: what stands in the family's slots, or None for the family's own form.

    Example:
        >>> import keras
        >>> net = Blocks(Conventions(padding="symmetric"))
        >>> x = net.conv_bn(keras.Input((32, 32, 3)), 16, 3, strides=2, activation="relu", name="stem")
        >>> x.shape
        (None, 16, 16, 16)
    """

    conventions: Conventions = Conventions()
    factorization: Factorization | None = None

    def conv(
        self,
        x: Any,
        filters: int,
        kernel_size: int,
        *,
        name: str,
        strides: int = 1,
        dilation_rate: int = 1,
        padding: Any = None,
        use_bias: bool = False,
        regularizer: Any = None,
    ) -> Any:
        """Dense convolution; `padding` overrides the conventions' where a paper's table does."""
        x, padding = self._pad(x, kernel_size, strides, dilation_rate, name, padding)
        layer = keras.layers.Conv2D(
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
        x: Any,
        kernel_size: int,
        *,
        name: str,
        strides: int = 1,
        dilation_rate: int = 1,
        depth_multiplier: int = 1,
    ) -> Any:
        """Depthwise convolution."""
        x, padding = self._pad(x, kernel_size, strides, dilation_rate, name)
        layer = keras.layers.DepthwiseConv2D(
            kernel_size,
            strides=strides,
            dilation_rate=dilation_rate,
            padding=padding,
            depth_multiplier=depth_multiplier,
            use_bias=False,
            depthwise_initializer=initializers.depthwise_kernel(self.conventions.initializers, kernel_size**2),
            name=name,
        )
        return layer(x)

    def factorized(
        self,
        x: Any,
        kind: Factorization,
        filters: int,
        kernel_size: int,
        *,
        name: str,
        strides: int = 1,
        dilation_rate: int = 1,
        use_bias: bool = False,
    ) -> Any:
        """Convolution of any kind, in a slot."""
        geometry: dict[str, Any] = {
            "strides": strides,
            "dilation_rate": dilation_rate,
            "use_bias": use_bias,
            "name": name,
        }
        if kind.kind == "regular":
            return self.conv(x, filters, kernel_size, **geometry)
        scheme = self.conventions.initializers
        layer = conv2d(
            kind,
            filters,
            kernel_size,
            padding=self._padding(kernel_size, strides),
            pointwise_initializer=initializers.replaced_pointwise(scheme),
            depthwise_initializer=initializers.replaced_depthwise(scheme, kernel_size**2),
            batch_norm_momentum=self.conventions.batch_norm_momentum,
            batch_norm_epsilon=self.conventions.batch_norm_epsilon,
            **geometry,
        )
        return layer(x)

    def slot(self, x: Any, filters: int, kernel_size: int, **arguments: Any) -> Any:
        """Convolution in a slot: of the kind that was asked for, or dense."""
        if self.factorization is None:
            return self.conv(x, filters, kernel_size, **arguments)
        return self.factorized(x, self.factorization, filters, kernel_size, **arguments)

    def slot_bn(
        self, x: Any, filters: int, kernel_size: int, *, name: str, activation: str | None, **arguments: Any
    ) -> Any:
        """Convolution in a slot, batch normalization, activation."""
        return self._finish(self.slot(x, filters, kernel_size, name=name, **arguments), name, activation)

    def batch_norm(self, x: Any, *, name: str) -> Any:
        """Batch normalization."""
        layer = keras.layers.BatchNormalization(
            momentum=self.conventions.batch_norm_momentum, epsilon=self.conventions.batch_norm_epsilon, name=name
        )
        return layer(x)

    def activation(self, x: Any, activation: str | None, *, name: str) -> Any:
        """Activation; `None` changes nothing. The layer is `{name}_{activation}`.

        "leaky_relu" has Darknet's slope of 0.1; "prelu" learns a slope for each channel (He et al. 2015, 1502.01852).
        """
        if activation is None:
            return x
        if activation == "leaky_relu":
            return keras.layers.LeakyReLU(0.1, name=f"{name}_{activation}")(x)
        if activation == "prelu":
            slope = keras.initializers.Constant(0.25)
            return keras.layers.PReLU(slope, shared_axes=(1, 2), name=f"{name}_{activation}")(x)
        if activation in ("relu", "relu6"):
            return keras.layers.ReLU(6.0 if activation == "relu6" else None, name=f"{name}_{activation}")(x)
        return keras.layers.Activation(activation, name=f"{name}_{activation}")(x)

    def max_pool(self, x: Any, size: int, *, strides: int, name: str, padding: Any = None, signed: bool = False) -> Any:
        """Maximum over windows. Symmetric padding adds zeros; where values below 0 come in, `signed` does without."""
        if signed and strides > 1 and self.conventions.padding == "symmetric":
            x = keras.layers.MaxPooling2D(size, strides=1, padding="same", name=f"{name}_windows")(x)
            size = 1  # of the maxima at every position those are kept that the strides would reach
        x, padding = self._pad(x, size, strides, 1, name, padding)
        return keras.layers.MaxPooling2D(size, strides=strides, padding=padding, name=name)(x)

    def add(self, shortcut: Any, x: Any, *, name: str) -> Any:
        """Sum of a shortcut and a residual branch. The layer is `{name}_add`."""
        return keras.layers.Add(name=f"{name}_add")([shortcut, x])

    def drop_path(self, x: Any, rate: float, *, name: str) -> Any:
        """Stochastic depth on a residual branch; a rate of 0 changes nothing. The layer is `{name}_drop_path`."""
        return DropPath(rate, name=f"{name}_drop_path")(x) if rate else x

    def conv_bn(
        self, x: Any, filters: int, kernel_size: int, *, name: str, activation: str | None, **arguments: Any
    ) -> Any:
        """Dense convolution, batch normalization, activation."""
        return self._finish(self.conv(x, filters, kernel_size, name=name, **arguments), name, activation)

    def depthwise_bn(self, x: Any, kernel_size: int, *, name: str, activation: str | None, **arguments: Any) -> Any:
        """Depthwise convolution, batch normalization, activation."""
        return self._finish(self.depthwise(x, kernel_size, name=name, **arguments), name, activation)

    def factorized_bn(
        self,
        x: Any,
        kind: Factorization,
        filters: int,
        kernel_size: int,
        *,
        name: str,
        activation: str | None,
        **arguments: Any,
    ) -> Any:
        """Convolution of any kind, batch normalization, activation."""
        x = self.factorized(x, kind, filters, kernel_size, name=name, **arguments)
        return self._finish(x, name, activation)

    def orthonormal(self) -> OrthonormalRegularizer | None:
        """Return the penalty on linear projections, where the slots hold "bsconv_s" as MobileNetV2 and V3 mean it."""
        strength = self.factorization.orthonormal if self.factorization else 0.0
        return OrthonormalRegularizer(strength) if strength else None

    def _finish(self, x: Any, name: str, activation: str | None) -> Any:
        return self.activation(self.batch_norm(x, name=f"{name}_bn"), activation, name=name)

    def _pad(
        self, x: Any, kernel_size: int, strides: int, dilation_rate: int, name: str, padding: Any = None
    ) -> tuple[Any, str]:
        """Return the tensor, padded by a layer where Keras's convolution can't, and the padding that it then takes."""
        resolved = resolve(
            self._padding(kernel_size, strides) if padding is None else padding,
            kernel_size=(kernel_size,) * 2,
            strides=(strides,) * 2,
            dilation_rate=(dilation_rate,) * 2,
        )
        if isinstance(resolved, str):
            return x, resolved
        return padding_layer(resolved, "zeros", name=f"{name}_pad")(x), "valid"

    def _padding(self, kernel_size: int, strides: int) -> Any:
        if kernel_size == 1 or strides == 1:
            return "same"
        if self.conventions.padding != "end":
            return self.conventions.padding
        before = (kernel_size - 2) // 2
        return ((before, kernel_size - 2 - before),) * 2
