"""The same network, trained faster."""

from __future__ import annotations

import math
from collections.abc import Mapping

import keras

from sepzoo.layers.composed import ComposedSeparableConv2D, composing_pays
from sepzoo.layers.fast_batch_norm import FastBatchNormalization
from sepzoo.layers.fast_depthwise import FastDepthwiseConv2D, FastSeparableConv2D, Lowering
from sepzoo.layers.fast_pointwise import FastPointwiseConv1D, FastPointwiseConv2D, is_product
from sepzoo.layers.grouped import GroupedConv1D, GroupedConv2D, on_processor
from sepzoo.layers.transposing_depthwise import transposes
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement, Skip
from sepzoo.surgery.walk.sites import Site
from sepzoo.surgery.walk.verification import SameOutputs

TWINS: Mapping[type, type[keras.layers.Layer]] = {
    keras.layers.BatchNormalization: FastBatchNormalization,
    keras.layers.Conv1D: GroupedConv1D,
    keras.layers.Conv2D: GroupedConv2D,
    keras.layers.SeparableConv2D: ComposedSeparableConv2D,
}

POINTWISE: Mapping[type, type[keras.layers.Layer]] = {
    keras.layers.Conv1D: FastPointwiseConv1D,
    keras.layers.Conv2D: FastPointwiseConv2D,
}
"""Twins for windows of one element."""

SHIFTED: Mapping[type, type[keras.layers.Layer]] = {
    keras.layers.DepthwiseConv2D: FastDepthwiseConv2D,
    keras.layers.SeparableConv2D: FastSeparableConv2D,
}
"""Twins for what XLA compiles."""


def accelerate(model: keras.Model, *, xla: bool | None = None) -> tuple[keras.Model, SurgeryReport]:
    """Return the network with fast twins in the place of all layers that have one, for training.

    Twins have batch normalizations, pointwise convolutions, grouped ones, depthwise ones, and separable ones with a
    depth multiplier above 1 where one dense convolution is faster (`sepzoo.layers.composed`); where XLA compiles for a
    processor, all separable ones (`sepzoo.layers.fast_depthwise`). Weights, names, classes' names and results are the
    same, to rounding: each twin is run as in training beside what it is the twin of before the model is returned. What
    is saved holds the built-in layers, and `to_keras` gives them back in memory. On other backends than TensorFlow
    batch normalizations, which the report says, and pointwise and, without XLA, depthwise convolutions stay as they
    are.

    Args:
        model: any functional Keras model; it is only read.
        xla: whether XLA compiles what becomes of it for a processor, where that can't be told while the network is
            traced; None: with JAX where there is no other device, not with TensorFlow.

    Raises:
        SepzooError: a model that `rewrite` refuses, or a twin that gives other outputs; the layer is named.

    Example:
        >>> import keras
        >>> layers = [keras.layers.Conv2D(4, 3, name="conv"), keras.layers.BatchNormalization(name="bn")]
        >>> model, report = accelerate(keras.Sequential([keras.Input((8, 8, 3)), *layers], name="tiny"))
        >>> [(change.layer, change.action) for change in report.changes]
        [('bn', 'trains on the fused kernel')]
    """
    plan = Plan(model, keep_twins=True)
    shifts = keras.backend.backend() == "jax" and on_processor() if xla is None else xla
    for site in plan.sites:
        decision = (_depthwise_twin(site, "shifted" if xla else "auto") if shifts else None) or _twin(site)
        if decision:
            plan.replace(site, decision, SameOutputs(training=True))
    return plan.finish()


def _depthwise_twin(site: Site, lowering: Lowering) -> Replacement | None:
    """Return the twin that XLA is fast at, of a layer that has one."""
    layer = site.layer
    if type(layer) not in SHIFTED:
        return None
    twin = SHIFTED[type(layer)].from_config({**layer.get_config(), "lowering": lowering})
    return Replacement((Part(twin, layer.get_weights()),), "is a sum of shifted products under XLA")


def _twin(site: Site) -> Replacement | Skip | None:
    layer = site.layer
    if type(layer) in POINTWISE and is_product(layer):
        twin = POINTWISE[type(layer)].from_config(layer.get_config())
        return Replacement((Part(twin, layer.get_weights()),), "trains as a matrix product")
    if type(layer) is keras.layers.DepthwiseConv2D and transposes(layer):
        twin = FastDepthwiseConv2D.from_config(layer.get_config())
        return Replacement((Part(twin, layer.get_weights()),), "takes a faster gradient")
    if type(layer) not in TWINS or getattr(layer, "groups", 2) == 1:
        return None
    action = "trains group by group"
    if isinstance(layer, keras.layers.SeparableConv2D):
        if not composing_pays("dw_pw", layer.depth_multiplier, layer.filters, math.prod(layer.kernel_size)):
            return None
        action = "trains as one convolution"
    if isinstance(layer, keras.layers.BatchNormalization):
        action = "trains on the fused kernel"
        if keras.backend.backend() != "tensorflow":
            return Skip(f"the fused kernel is TensorFlow's, the backend is {keras.backend.backend()}")
    twin = TWINS[type(layer)].from_config(layer.get_config())
    return Replacement((Part(twin, layer.get_weights()),), action)
