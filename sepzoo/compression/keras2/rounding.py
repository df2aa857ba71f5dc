"""What tensorflow-model-optimization puts around layers that round, and the steps that it leaves behind.

Its own scheme refuses layers that it does not know and begins with ranges of -6 to 6, which destroy what a network
knows. So where is rounded, and in which ranges at first, is said by the network of Keras 3; how they follow the values
is tensorflow-model-optimization's: a kernel's range is its largest weight, that of what a layer gives a moving average
of the lowest and highest values of batches, and that of the network's inputs holds all that ever came.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from sepzoo.compression.keras2.twin import Twin, in_keras_2
from sepzoo.compression.preserving import restorer
from sepzoo.layers.fake_quantization import LEVELS, QuantizedKernel, QuantizedOutput, first_steps
from sepzoo.support.types import Config, Json, Layer, Tensor

_quantizers = tfmot.quantization.keras.quantizers


class Rounding:
    """Kernels, and what layers give, are rounded as 8-bit integers will be.

    Args:
        settings: `preserve`, whether zeros stay zero, and equal weights equal.
    """

    def __init__(self, settings: Json) -> None:
        self._preserve = settings["preserve"]
        self._rounded: dict[str, _Kernel | _Output] = {}

    def wrap(self, layer: Layer, source: Tensor, name: str) -> Layer:
        """Return the Keras 2 layer of a `QuantizedKernel` or `QuantizedOutput`, with the ranges that this has."""
        if isinstance(layer, QuantizedKernel):
            twin = in_keras_2(layer.layer, source, name)
            found: _Kernel | _Output = _Kernel(layer, twin)
        else:
            twin = tf_keras.layers.Activation("linear", name=name)
            found = _Output(layer)
        self._rounded[layer.name] = found
        return tfmot.quantization.keras.QuantizeWrapperV2(twin, found)

    def begin(self, twin: Twin) -> None:
        """Note what is to stay as it is."""
        kernels = [each for each in self._rounded.values() if isinstance(each, _Kernel) and self._preserve]
        found = [restorer(each.kernel, each.kind) for each in kernels]
        self._restorers = [each for each in found if each is not None]

    def end_step(self) -> None:
        """Let weights be zero, or equal, that were so before."""
        for each in self._restorers:
            each.restore()

    def end_epoch(self) -> None:
        """Do nothing: weights are rounded at each use."""

    def weights(self, name: str, _wrapper: Layer) -> list[np.ndarray]:
        """Return the weights of a wrapped layer as the Keras 3 one has them."""
        return self._rounded[name].weights()


class _Started(tfmot.quantization.keras.quantizers.Quantizer):
    """A quantizer whose range begins where it is told to, one for each of the last axis or a single one."""

    def __init__(self, quantizer: Any, low: np.ndarray, high: np.ndarray) -> None:
        self._quantizer, self._first = quantizer, {"min_var": low, "max_var": high}

    def build(self, _shape: object, name: str, layer: Layer) -> dict[str, Any]:
        """Make the variables of the range."""
        self.range = {
            key: layer.add_weight(f"{name}_{key}", value.shape, initializer="zeros", trainable=False)
            for key, value in self._first.items()
        }
        for key, variable in self.range.items():
            variable.assign(self._first[key])
        return self.range

    def __call__(self, inputs: Tensor, training: bool, weights: dict[str, Any], **kwargs: Any) -> Tensor:
        """Return rounded values."""
        channels = self._first["min_var"].shape
        if not channels:
            return self._quantizer(inputs, training, weights, **kwargs)
        flat = tf.reshape(inputs, (-1, *channels))
        return tf.reshape(self._quantizer(flat, training, weights, **kwargs), inputs.shape)

    def get_config(self) -> Config:
        """Return nothing: it is not saved."""
        return {}


class _Config(tfmot.quantization.keras.QuantizeConfig):
    """Says that nothing is rounded; what is says a subclass."""

    def get_weights_and_quantizers(self, _layer: Layer) -> list[tuple[Any, _Started]]:
        """Return the weights that are rounded."""
        return []

    def get_activations_and_quantizers(self, _layer: Layer) -> list[tuple[Any, _Started]]:
        """Return no activation: what it gives is rounded by a layer of its own."""
        return []

    def set_quantize_weights(self, layer: Layer, quantize_weights: list[Tensor]) -> None:
        """Do nothing: it has none."""
        del layer, quantize_weights

    def set_quantize_activations(self, layer: Layer, quantize_activations: list[Any]) -> None:
        """Do nothing."""
        del layer, quantize_activations

    def get_output_quantizers(self, _layer: Layer) -> list[_Started]:
        """Return what rounds the layer's output."""
        return []

    def get_config(self) -> Config:
        """Return nothing: it is not saved."""
        return {}


class _Kernel(_Config):
    """Rounds a kernel, each channel on its step; of a dense layer the whole."""

    def __init__(self, layer: QuantizedKernel, twin: Layer) -> None:
        self.kind = type(layer.layer)
        self._attribute = "depthwise_kernel" if hasattr(twin, "depthwise_kernel") else "kernel"
        self.kernel = getattr(twin, self._attribute)  # the layer will have the rounded one in its place
        self._others = [weight for weight in twin.weights if weight is not self.kernel]
        limit = LEVELS * 2.0 ** np.asarray(layer.log_step)
        self._per_channel = limit.ndim == 1
        last = _quantizers.LastValueQuantizer(8, per_axis=self._per_channel, symmetric=True, narrow_range=True)
        self._quantizer = _Started(last, -limit, limit)

    def get_weights_and_quantizers(self, _layer: Layer) -> list[tuple[Any, _Started]]:
        """Return the kernel."""
        return [(self.kernel, self._quantizer)]

    def set_quantize_weights(self, layer: Layer, quantize_weights: list[Tensor]) -> None:
        """Let the layer use the rounded kernel."""
        setattr(layer, self._attribute, quantize_weights[0])

    def weights(self) -> list[np.ndarray]:
        """Return the logarithms of the steps, then the layer's weights."""
        limit = self._quantizer.range["max_var"].numpy()
        steps = first_steps(limit.reshape(1, -1), (-1,) if self._per_channel else ())
        return [steps, self.kernel.numpy(), *(weight.numpy() for weight in self._others)]


class _Output(_Config):
    """Rounds what a layer gives."""

    def __init__(self, layer: QuantizedOutput) -> None:
        kind = _quantizers.MovingAverageQuantizer if layer.trainable else _quantizers.AllValuesQuantizer
        quantizer = kind(8, per_axis=False, symmetric=False, narrow_range=False)
        self._quantizer = _Started(quantizer, np.asarray(layer.low), np.asarray(layer.high))

    def get_output_quantizers(self, _layer: Layer) -> list[_Started]:
        """Return the one."""
        return [self._quantizer]

    def weights(self) -> list[np.ndarray]:
        """Return the lowest and the highest value."""
        return [self._quantizer.range[key].numpy() for key in ("min_var", "max_var")]
