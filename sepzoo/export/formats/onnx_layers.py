"""Layers and operators that tf2onnx does not understand as Keras writes them, in a form that it does.

Example:
    >>> network = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 3, groups=2, name="conv")])
    >>> type(traceable(network).get_layer("conv")).__name__
    '_PlainConv2D'
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from sepzoo.layers.twins import finished
from sepzoo.support.types import Layer, LayerClass, Tensor
from sepzoo.surgery.exact.affine import Affine
from sepzoo.surgery.walk.rewriting import Part, Replacement, rewrite
from sepzoo.surgery.walk.sites import Site


def traceable(model: keras.Model) -> keras.Model:
    """Return a network in which grouped convolutions and normalizations are what tf2onnx takes."""
    _register_operators()
    return rewrite(model, _form)[0]


class _Plain:
    """Computes a convolution by TensorFlow's operator. Keras has a grouped one compiled by XLA, on any device."""

    def call(self: Layer, inputs: Tensor) -> Tensor:
        """Return the convolution."""
        import tensorflow as tf

        padding = self.padding
        if padding == "causal":
            inputs, padding = ops.pad(inputs, self._compute_causal_padding()), "valid"
        settings = {"strides": list(self.strides), "dilations": list(self.dilation_rate)}
        kernel = tf.convert_to_tensor(self.kernel)
        return finished(self, tf.nn.convolution(inputs, kernel, padding=padding.upper(), **settings))


class _PlainConv1D(_Plain, keras.layers.Conv1D):
    pass


class _PlainConv2D(_Plain, keras.layers.Conv2D):
    pass


class _PlainConv3D(_Plain, keras.layers.Conv3D):
    pass


_PLAIN: dict[type, LayerClass] = {
    keras.layers.Conv1D: _PlainConv1D,
    keras.layers.Conv2D: _PlainConv2D,
    keras.layers.Conv3D: _PlainConv3D,
}


def _form(site: Site) -> Replacement | None:
    layer = site.layer
    if type(layer) in _PLAIN and layer.groups > 1 and layer.data_format == "channels_last":
        plain = _PLAIN[type(layer)].from_config(layer.get_config())
        return Replacement((Part(plain, layer.get_weights()),), "by TensorFlow's operator")
    if type(layer) is keras.layers.Normalization:
        return Replacement((Part(_rescaling(layer)),), "as a rescaling")
    return None


def _rescaling(layer: Layer) -> Layer:
    """Return what a normalization computes. Its own numbers are captured, and would be inputs of the file."""
    affine = Affine.of_normalization(layer)
    settings = {"name": layer.name, "dtype": layer.dtype_policy}
    return keras.layers.Rescaling(affine.scale.tolist(), affine.shift.tolist(), **settings)


@functools.cache
def _register_operators() -> None:
    """Tell tf2onnx of the operator in TensorFlow's exact GELU: Erfc(x) = 1 - Erf(x)."""
    from tf2onnx.handler import tf_op
    from tf2onnx.utils import map_onnx_to_numpy_type

    @tf_op("Erfc")
    class _Erfc:
        @classmethod
        def version_9(cls, ctx: Any, node: Any, **_settings: Any) -> None:
            (data,), (output,) = list(node.input), list(node.output)
            dtype = ctx.get_dtype(output)
            one = ctx.make_const(f"{node.name}_one", np.array(1, map_onnx_to_numpy_type(dtype)))
            ctx.remove_node(node.name)
            erf = ctx.make_node("Erf", [data])
            shapes = [ctx.get_shape(output)]
            ctx.make_node("Sub", [one.output[0], erf.output[0]], outputs=[output], shapes=shapes, dtypes=[dtype])
