"""Separable convolutions as two layers, and two layers as one separable convolution."""

from __future__ import annotations

import math
from collections.abc import Mapping

import keras
import numpy as np

from sepzoo.layers.graph import graph_of
from sepzoo.support.types import Layer, LayerClass
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement
from sepzoo.surgery.walk.sites import Site

layers = keras.layers
PAIRS: Mapping[LayerClass, tuple[LayerClass, LayerClass]] = {  # exactly these: a subclass may compute something else
    layers.SeparableConv1D: (layers.DepthwiseConv1D, layers.Conv1D),
    layers.SeparableConv2D: (layers.DepthwiseConv2D, layers.Conv2D),
}
GEOMETRY = ("kernel_size", "strides", "padding", "data_format", "dilation_rate", "depth_multiplier")
PER_STEP = ("initializer", "regularizer", "constraint")
ENDING = ("activation", "bias_initializer", "bias_regularizer", "bias_constraint", "activity_regularizer")


def split_separable(model: keras.Model) -> tuple[keras.Model, SurgeryReport]:
    """Put each separable convolution into a depthwise and a 1 x 1 convolution, `conv_depthwise` and `conv_pointwise`.

    Weights, flags and penalties are kept; outputs are the same to rounding, and the new layers are held against those
    that they replace before the model is returned.

    Raises:
        SepzooError: a model that `rewrite` refuses, weights that are not finite, or new layers whose outputs differ;
            the layer is named.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.SeparableConv2D(4, 3, name="conv")])
        >>> [layer.name for layer in split_separable(model)[0].layers]
        ['conv_depthwise', 'conv_pointwise']
    """
    plan = Plan(model)
    for site in plan.sites:
        if type(site.layer) in PAIRS:
            plan.replace(site, split(site))
    return plan.finish()


def merge_separable(model: keras.Model) -> tuple[keras.Model, SurgeryReport]:
    """Put each depthwise convolution and the 1 x 1 convolution behind it into one separable convolution.

    The depthwise one must be linear, be called once and give its output to the 1 x 1 one alone; its bias goes through.
    `conv_depthwise` and `conv_pointwise` become `conv`; any other pair is called as its 1 x 1 convolution was. The
    reverse of `split_separable`; outputs are the same to rounding, and each new layer is held against those that it
    replaces before the model is returned.

    Raises:
        SepzooError: a model that `rewrite` refuses, weights that are not finite, or a new layer whose outputs differ;
            the layer is named.

    Example:
        >>> stack = [keras.layers.DepthwiseConv2D(3, name="a"), keras.layers.Conv2D(4, 1, name="b")]
        >>> new, report = merge_separable(keras.Sequential([keras.Input((8, 8, 3)), *stack]))
        >>> [(layer.name, type(layer).__name__) for layer in new.layers]
        [('b', 'SeparableConv2D')]
    """
    plan = Plan(model)
    whole = {depthwise: (separable, pointwise) for separable, (depthwise, pointwise) in PAIRS.items()}
    for site in plan.sites:
        if type(site.layer) not in whole:
            continue
        separable, pointwise = whole[type(site.layer)]
        second = plan.site_of(site.consumer)
        reason = _obstacle(site, second, pointwise)
        if reason or second is None:
            plan.skip(site, reason)
            continue
        taken = {each.name for each in graph_of(site.calls[0].model).operations}
        name = _common_name(site.layer.name, second.layer.name, taken)
        merged = _merged(separable, site.layer, second.layer, name)
        plan.replace((site, second), merged, at=second, others=f"merged into {name!r}")
    return plan.finish()


def split(site: Site) -> Replacement:
    """Return what stands in a separable convolution's place: its depthwise and its 1 x 1 convolution."""
    layer: Layer = site.layer
    config = layer.get_config()
    depthwise_class, pointwise_class = PAIRS[type(layer)]
    common = {key: config[key] for key in ("dtype", "data_format")}
    depthwise = depthwise_class.from_config(
        {
            **{key: config[key] for key in GEOMETRY},
            **{f"depthwise_{key}": config[f"depthwise_{key}"] for key in PER_STEP},
            **common,
            "use_bias": False,
            "name": f"{layer.name}_depthwise",
        }
    )
    pointwise = pointwise_class.from_config(
        {
            **{key: config[key] for key in (*ENDING, "filters", "use_bias")},
            **{f"kernel_{key}": config[f"pointwise_{key}"] for key in PER_STEP},
            **common,
            "kernel_size": 1,
            "name": f"{layer.name}_pointwise",
        }
    )
    first, *rest = layer.get_weights()
    return Replacement((Part(depthwise, [first]), Part(pointwise, rest)), "split in depthwise and pointwise")


def _obstacle(site: Site, second: Site | None, pointwise: Layer) -> str:
    """Return why a depthwise convolution can't be merged with what is behind it, or an empty text."""
    layer: Layer = site.layer
    if site.consumer is None:
        return "not one layer alone gets its output"
    named = f"{site.consumer.name!r} ({type(site.consumer).__name__})"
    if second is None or not _is_pointwise(second.layer, pointwise):
        return f"the layer behind it, {named}, is no 1 x 1 convolution"
    behind: Layer = second.layer
    if math.prod(behind.strides) != 1 or behind.groups != 1 or len(second.calls) > 1:
        return f"the layer behind it, {named}, has strides or groups, or is called elsewhere too"
    if layer.activation is not keras.activations.linear:
        name = getattr(layer.activation, "__name__", type(layer.activation).__name__)  # a function, or a layer
        return f"it ends in the activation {name!r}"
    if (layer.data_format, layer.trainable) != (behind.data_format, behind.trainable):
        return f"its data format or its trainable flag is not that of {named}"
    if layer.dtype_policy.name != behind.dtype_policy.name:
        return f"its precision is not that of {named}"
    if any((layer.bias_regularizer, layer.bias_constraint, layer.activity_regularizer)):
        return "its bias or its output has a penalty or a constraint"
    return ""


def _is_pointwise(layer: Layer, convolution: LayerClass) -> bool:
    return type(layer) is convolution and math.prod(layer.kernel_size) == 1


@np.errstate(all="ignore")  # the plan's check finds what is not finite
def _merged(separable: Layer, depthwise: Layer, pointwise: Layer, name: str) -> Replacement:
    first, second = depthwise.get_config(), pointwise.get_config()
    config = {
        **{key: first[key] for key in GEOMETRY},
        **{f"depthwise_{key}": first[f"depthwise_{key}"] for key in PER_STEP},
        **{f"pointwise_{key}": second[f"kernel_{key}"] for key in PER_STEP},
        **{key: second[key] for key in (*ENDING, "filters", "dtype")},
        "use_bias": depthwise.use_bias or pointwise.use_bias,
        "name": name,
    }
    weights = [np.asarray(weight) for weight in (depthwise.get_weights()[0], pointwise.get_weights()[0])]
    if config["use_bias"]:
        bias = np.zeros(pointwise.filters)
        if depthwise.use_bias:
            bias = bias + depthwise.get_weights()[1] @ weights[1].reshape(-1, pointwise.filters).astype("float64")
        if pointwise.use_bias:
            bias = bias + pointwise.get_weights()[1]
        weights.append(bias.astype("float32"))
    new = separable.from_config(config)
    return Replacement((Part(new, weights),), f"merged with {depthwise.name!r}")


def _common_name(depthwise: str, pointwise: str, taken: set[str]) -> str:
    stem = pointwise.removesuffix("_pointwise")
    return stem if stem not in taken and depthwise == f"{stem}_depthwise" else pointwise
