"""The same network, trained faster."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import keras

from sepzoo.layers.composed import ComposedSeparableConv2D, composing_pays
from sepzoo.layers.fast_batch_norm import FastBatchNormalization
from sepzoo.layers.fast_depthwise import FastDepthwiseConv2D, FastSeparableConv2D, Lowering
from sepzoo.layers.fast_pointwise import FastPointwiseConv1D, FastPointwiseConv2D, is_product
from sepzoo.layers.grouped import GroupedConv1D, GroupedConv2D, on_processor
from sepzoo.layers.transposing_depthwise import transposes
from sepzoo.support.types import Layer
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement, Skip
from sepzoo.surgery.walk.sites import Site
from sepzoo.surgery.walk.verification import SameOutputs


@dataclasses.dataclass(frozen=True)
class _Twin:
    """A twin of a built-in layer.

    Attributes:
        kind: its class.
        suits: whether it is faster at a layer of the built-in class.
        action: what the report says of it.
    """

    kind: type[keras.layers.Layer]
    suits: Callable[[Layer], bool]
    action: str


def _is_grouped(layer: Layer) -> bool:
    return layer.groups > 1


def _composing_pays(layer: Layer) -> bool:
    return composing_pays("dw_pw", layer.depth_multiplier, layer.filters, math.prod(layer.kernel_size))


def _on_tensorflow(layer: Layer) -> bool:
    return keras.backend.backend() == "tensorflow"


_PRODUCT, _BY_GROUPS = "trains as a matrix product", "trains group by group"
TWINS: Mapping[type, tuple[_Twin, ...]] = {
    keras.layers.BatchNormalization: (_Twin(FastBatchNormalization, _on_tensorflow, "trains on the fused kernel"),),
    keras.layers.Conv1D: (
        _Twin(FastPointwiseConv1D, is_product, _PRODUCT),
        _Twin(GroupedConv1D, _is_grouped, _BY_GROUPS),
    ),
    keras.layers.Conv2D: (
        _Twin(FastPointwiseConv2D, is_product, _PRODUCT),
        _Twin(GroupedConv2D, _is_grouped, _BY_GROUPS),
    ),
    keras.layers.DepthwiseConv2D: (_Twin(FastDepthwiseConv2D, transposes, "takes a faster gradient"),),
    keras.layers.SeparableConv2D: (_Twin(ComposedSeparableConv2D, _composing_pays, "trains as one convolution"),),
}
"""The twins of each class, of which the first one that suits a layer is taken."""

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
    are. Before a `fit` of your own `sepzoo.training.set_for_processor()` saves more again.

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
    for twin in TWINS.get(type(layer), ()):
        if twin.suits(layer):
            return Replacement((Part(twin.kind.from_config(layer.get_config()), layer.get_weights()),), twin.action)
    if type(layer) is keras.layers.BatchNormalization:
        return Skip(f"the fused kernel is TensorFlow's, the backend is {keras.backend.backend()}")
    return None
