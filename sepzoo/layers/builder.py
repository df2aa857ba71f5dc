"""The layer builder, with which networks are written: each method puts a layer on a tensor and returns the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.layers import initializers
from sepzoo.layers.convolution_builder import ConvolutionBuilder, rank_of
from sepzoo.layers.drop_path import DropPath
from sepzoo.layers.drop_path_join import ColumnDraw, DropPathJoin
from sepzoo.layers.layer_scale import LayerScale
from sepzoo.layers.padding import Padding
from sepzoo.support.types import Activation, Tensor

_MAX_POOLING = {1: keras.layers.MaxPooling1D, 2: keras.layers.MaxPooling2D}
_AVERAGE_POOLING = {1: keras.layers.AveragePooling1D, 2: keras.layers.AveragePooling2D}
_GLOBAL_AVERAGE_POOLING = {1: keras.layers.GlobalAveragePooling1D, 2: keras.layers.GlobalAveragePooling2D}
_GLOBAL_MAX_POOLING = {1: keras.layers.GlobalMaxPooling1D, 2: keras.layers.GlobalMaxPooling2D}


@dataclasses.dataclass(frozen=True)
class LayerBuilder(ConvolutionBuilder):
    """Layers of one network, all by the same conventions, each named by its place.

    What is put on an image (batch, height, width, channels) is a layer of two dimensions, what is put on a series
    (batch, steps, channels) one of one dimension.

    Attributes:
        conventions: what this port of the network does its own way.
        factorization: kind of convolution in the family's slots, or None for the family's own form.

    Example:
        >>> import keras
        >>> from sepzoo.layers import Conventions
        >>> net = LayerBuilder(Conventions(padding="symmetric"))
        >>> x = net.conv_bn(keras.Input((32, 32, 3)), 16, 3, strides=2, activation="relu", name="stem")
        >>> x.shape
        (None, 16, 16, 16)
        >>> net.conv_bn(keras.Input((128, 40)), 16, 3, strides=2, activation="relu", name="stem").shape
        (None, 64, 16)
    """

    def normalized_pixels(self, x: Tensor, mean: Sequence[float], deviation: Sequence[float]) -> Tensor:
        """Pixels of 0 … 255 less `mean` and by `deviation`, in the network itself, as Keras's EfficientNet has it.

        The layers are `input_rescaling` and `input_normalization`; the second holds mean and variance as weights.
        """
        x = keras.layers.Rescaling(1.0 / 255.0, name="input_rescaling")(x)
        layer = keras.layers.Normalization(name="input_normalization")
        x = layer(x)
        layer.adapt_mean.assign(np.asarray(mean, np.float32) / 255)
        layer.adapt_variance.assign((np.asarray(deviation, np.float32) / 255) ** 2)
        layer.finalize_state()
        return x

    def rescaled_pixels(self, x: Tensor, mean: Sequence[float], deviation: Sequence[float]) -> Tensor:
        """Pixels of 0 … 255 less `mean` and by `deviation`, in the network itself and without weights.

        The layer is `input_rescaling`.
        """
        pairs = [(1 / d, -m / d) for m, d in zip(mean, deviation, strict=True)]
        # Some backends read lists as float32 whatever the precision: numbers that it holds are the same on all.
        scale, offset = np.array(pairs, "float32").T.tolist()
        one = len(scale) == 1
        return keras.layers.Rescaling(scale[0] if one else scale, offset[0] if one else offset, name="input_rescaling")(
            x
        )

    def max_pool(
        self, x: Tensor, size: int, *, strides: int, name: str, padding: Padding | None = None, signed: bool = False
    ) -> Tensor:
        """Max pooling. Symmetric padding adds zeros; `signed` avoids them, for inputs with values below 0."""
        if signed and strides > 1 and self.conventions.padding == "symmetric":
            x = _MAX_POOLING[rank_of(x)](size, strides=1, padding="same", name=f"{name}_windows")(x)
            size = 1  # of the maxima at every position those are kept that the strides would reach
        x, padding = self._pad(x, size, strides, 1, name, padding)
        return _MAX_POOLING[rank_of(x)](size, strides=strides, padding=padding, name=name)(x)

    def average_pool(self, x: Tensor, size: int, *, strides: int, name: str, padding: Padding = "same") -> Tensor:
        """Average pooling; zeros that `padding` adds in numbers count, those of "same" do not."""
        x, padding = self._pad(x, size, strides, 1, name, padding)
        return _AVERAGE_POOLING[rank_of(x)](size, strides=strides, padding=padding, name=name)(x)

    def shifted(self, x: Tensor, *, name: str) -> Tensor:
        """The map moved up and left by one position, zeros behind it. The layers are `{name}_pad` and `{name}_crop`."""
        x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
        return keras.layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_crop")(x)

    def global_average_pool(self, x: Tensor, *, name: str = "pool", keepdims: bool = False) -> Tensor:
        """Mean over all positions: (batch, channels); with `keepdims` the axes stay, each of length 1."""
        return _GLOBAL_AVERAGE_POOLING[rank_of(x)](keepdims=keepdims, name=name)(x)

    def global_max_pool(self, x: Tensor, *, name: str = "pool") -> Tensor:
        """Maximum over all positions: (batch, channels)."""
        return _GLOBAL_MAX_POOLING[rank_of(x)](name=name)(x)

    def flatten(self, x: Tensor, *, name: str = "flatten") -> Tensor:
        """All values of a sample in one row: (batch, positions * channels)."""
        return keras.layers.Flatten(name=name)(x)

    def reshape(self, x: Tensor, shape: tuple[int, ...], *, name: str) -> Tensor:
        """The same values in another shape, the batch left out."""
        return keras.layers.Reshape(shape, name=name)(x)

    def dense(self, x: Tensor, units: int, *, name: str, use_bias: bool = True) -> Tensor:
        """Dense layer."""
        kernel = initializers.dense_kernel(self.conventions.initializers)
        return keras.layers.Dense(units, use_bias=use_bias, kernel_initializer=kernel, name=name)(x)

    def classifier(self, x: Tensor, classes: int, *, activation: Activation) -> Tensor:
        """Dense layer from features (batch, channels) to class scores. The layer is `predictions`."""
        scheme, features = self.conventions.initializers, x.shape[-1]
        layer = keras.layers.Dense(
            classes,
            activation=activation,
            kernel_initializer=initializers.classifier_kernel(scheme, features, classes),
            bias_initializer=initializers.classifier_bias(scheme, features),
            name="predictions",
        )
        return layer(x)

    def scores(self, x: Tensor, *, activation: Activation) -> Tensor:
        """Activation of class scores that are there already. The layer is `predictions`."""
        return keras.layers.Activation(activation, name="predictions")(x)

    def dropout(self, x: Tensor, rate: float, *, name: str = "dropout") -> Tensor:
        """Dropout; a rate of 0 changes nothing."""
        return keras.layers.Dropout(rate, name=name)(x) if rate else x

    def add(self, shortcut: Tensor, x: Tensor, *, name: str) -> Tensor:
        """Sum of a shortcut and a residual branch. The layer is `{name}_add`."""
        return keras.layers.Add(name=f"{name}_add")([shortcut, x])

    def sum(self, branches: Sequence[Tensor], *, name: str) -> Tensor:
        """Sum of branches of one shape; of a single one nothing. The layer is `{name}_add`."""
        return keras.layers.Add(name=f"{name}_add")(branches) if len(branches) > 1 else branches[0]

    def average(self, branches: Sequence[Tensor], *, name: str) -> Tensor:
        """Mean of branches of one shape."""
        return keras.layers.Average(name=name)(branches)

    def multiply(self, x: Tensor, factor: Tensor, *, name: str) -> Tensor:
        """Product of two tensors. The layer is `{name}_multiply`."""
        return keras.layers.Multiply(name=f"{name}_multiply")([x, factor])

    def concat(self, branches: Sequence[Tensor], *, name: str) -> Tensor:
        """Channels of branches side by side. The layer is `{name}_concat`."""
        return keras.layers.Concatenate(name=f"{name}_concat")(branches)

    def layer_norm(self, x: Tensor, *, epsilon: float, name: str) -> Tensor:
        """Layer normalization over the channels of each position."""
        return keras.layers.LayerNormalization(epsilon=epsilon, name=name)(x)

    def layer_scale(self, x: Tensor, initial: float, *, name: str) -> Tensor:
        """A learnt factor of each channel, `initial` to begin with."""
        return LayerScale(initial, name=name)(x)

    def drop_path(self, x: Tensor, rate: float, *, name: str) -> Tensor:
        """Stochastic depth on a residual branch; a rate of 0 changes nothing. The layer is `{name}_drop_path`."""
        return DropPath(rate, name=f"{name}_drop_path")(x) if rate else x

    def column_draw(self, x: Tensor, columns: int, share: float, *, name: str) -> Tensor:
        """The draw of samples that pass a single column in training, see `ColumnDraw`."""
        return ColumnDraw(columns, share, name=name)(x)

    def drop_path_join(
        self, branches: Sequence[Tensor], draw: Tensor, columns: Sequence[int], rate: float, *, name: str
    ) -> Tensor:
        """Mean of branches, of those that are left in training, see `DropPathJoin`."""
        return DropPathJoin(columns, rate, name=name)([*branches, draw])
