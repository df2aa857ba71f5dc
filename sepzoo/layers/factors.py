"""The built-in layers (or twins of them) that a factorized convolution runs, step by step."""

from __future__ import annotations

import keras

from sepzoo.layers.factorization import Step
from sepzoo.layers.fast_batch_norm import FastBatchNormalization
from sepzoo.layers.fast_depthwise import FastDepthwiseConv2D
from sepzoo.layers.fast_pointwise import FastPointwiseConv1D, FastPointwiseConv2D
from sepzoo.layers.grouped import GroupedConv1D, GroupedConv2D
from sepzoo.layers.keras_convolutions import CONVOLUTIONS
from sepzoo.layers.orthonormal import OrthonormalRegularizer
from sepzoo.layers.padding import Pairs, padding_layer
from sepzoo.support.types import Initializer, Kwargs, Layer

_POINTWISE = (FastPointwiseConv1D, FastPointwiseConv2D)
_GROUPED = (GroupedConv1D, GroupedConv2D)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, FastDepthwiseConv2D)


def step_layers(conv: Layer, step: Step, padding: str | Pairs, *, last: bool) -> list[Layer]:
    """Return the layers of one step: padding, the convolution, what stands between two steps.

    Args:
        conv: the `FactorizedConv`, whose arguments they take.
        step: of its factorization.
        padding: of the k x k step, as `sepzoo.layers.padding.resolve` returns it.
        last: whether it is the last step, which has the bias and nothing behind it.
    """
    layers, use_bias = [], last and conv.use_bias
    if not step.spatial:
        layers.append(_pointwise(conv, step, use_bias=use_bias))
    elif isinstance(padding, str):
        layers.append(_spatial(conv, step, padding=padding, use_bias=use_bias))
    else:
        layers.append(padding_layer(padding, conv.padding_mode, name="pad", dtype=conv.dtype_policy))
        layers.append(_spatial(conv, step, padding="valid", use_bias=use_bias))
    if not last and conv.factorization.batch_norm:
        layers.append(
            FastBatchNormalization(
                momentum=conv.batch_norm_momentum,
                epsilon=conv.batch_norm_epsilon,
                name=f"{step.name}_bn",
                dtype=conv.dtype_policy,
            )
        )
    activation = conv.factorization.activation
    if not last and activation is not None:
        layers.append(keras.layers.Activation(activation, name=f"{step.name}_{activation}", dtype=conv.dtype_policy))
    return layers


def _pointwise(conv: Layer, step: Step, *, use_bias: bool) -> Layer:
    regularizer = conv.pointwise_regularizer
    leads = step.name in ("pointwise", "pointwise_1")
    if conv.factorization.orthonormal and leads:
        regularizer = OrthonormalRegularizer(conv.factorization.orthonormal, plus=regularizer)
    return _POINTWISE[conv.rank - 1](
        step.outputs,
        1,
        use_bias=use_bias,
        kernel_initializer=_fresh(conv.pointwise_initializer),
        kernel_regularizer=regularizer,
        kernel_constraint=conv.pointwise_constraint,
        **_bias_arguments(conv),
        name=step.name,
        dtype=conv.dtype_policy,
    )


def _spatial(conv: Layer, step: Step, *, padding: str, use_bias: bool) -> Layer:
    geometry = {
        "kernel_size": conv.kernel_size,
        "strides": conv.strides,
        "dilation_rate": conv.dilation_rate,
        "padding": padding,
        "use_bias": use_bias,
        **_bias_arguments(conv),
        "name": step.name,
        "dtype": conv.dtype_policy,
    }
    if step.groups == step.inputs and step.groups > 1:
        return _DEPTHWISE[conv.rank - 1](
            depth_multiplier=step.outputs // step.inputs,
            depthwise_initializer=_fresh(conv.depthwise_initializer),
            depthwise_regularizer=conv.depthwise_regularizer,
            depthwise_constraint=conv.depthwise_constraint,
            **geometry,
        )
    return (_GROUPED if step.groups > 1 else CONVOLUTIONS)[conv.rank - 1](
        step.outputs,
        groups=step.groups,
        kernel_initializer=_fresh(conv.depthwise_initializer),
        kernel_regularizer=conv.depthwise_regularizer,
        kernel_constraint=conv.depthwise_constraint,
        **geometry,
    )


def _bias_arguments(conv: Layer) -> Kwargs:
    return {
        "bias_initializer": _fresh(conv.bias_initializer),
        "bias_regularizer": conv.bias_regularizer,
        "bias_constraint": conv.bias_constraint,
    }


def _fresh(initializer: Initializer) -> Initializer:
    """Return a copy that draws its own numbers: one initializer gives equal kernels of equal shape each time."""
    if isinstance(initializer, keras.initializers.Initializer):
        return type(initializer).from_config(initializer.get_config())
    return initializer
