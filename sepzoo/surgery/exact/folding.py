"""Batch normalization folded into the layer before it."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.layers import FactorizedConv
from sepzoo.surgery.exact.affine import Affine
from sepzoo.surgery.exact.builtin_layers import expanded
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement
from sepzoo.surgery.walk.sites import Site

layers = keras.layers
# Exactly these classes, for a subclass may compute something else. Which axes of which kernel the outputs stand on:
KERNELS: dict[type, tuple[str, tuple[int, ...]]] = {
    layers.Conv1D: ("kernel", (-1,)),
    layers.Conv2D: ("kernel", (-1,)),
    layers.Conv3D: ("kernel", (-1,)),
    layers.Conv1DTranspose: ("kernel", (-2,)),
    layers.Conv2DTranspose: ("kernel", (-2,)),
    layers.Conv3DTranspose: ("kernel", (-2,)),
    layers.DepthwiseConv1D: ("kernel", (-2, -1)),
    layers.DepthwiseConv2D: ("kernel", (-2, -1)),
    layers.SeparableConv1D: ("pointwise_kernel", (-1,)),
    layers.SeparableConv2D: ("pointwise_kernel", (-1,)),
    layers.Dense: ("kernel", (-1,)),
}


def fold_batch_norm(model: keras.Model) -> tuple[keras.Model, SurgeryReport]:
    """Fold each batch normalization into the convolution or dense layer right before it, for inference.

    The layer before must be linear, called once, and give its output to the normalization alone. It keeps its name and
    gets a bias. Our factorized layers that have a batch normalization in them or behind them are expanded into built-in
    layers first, as `to_keras` does; the report says so. A batch normalization that stays is in the report with the
    reason. Outputs in inference agree with the original's to rounding, and each new layer is held against those that
    it replaces before the model is returned; the result is not meant for training on.

    Raises:
        SepzooError: a model that `rewrite` refuses, weights that are not finite, or a new layer whose outputs differ;
            the layer is named.

    Example:
        >>> import keras
        >>> stack = [keras.layers.Conv2D(4, 3, use_bias=False), keras.layers.BatchNormalization(), keras.layers.ReLU()]
        >>> model, report = fold_batch_norm(keras.Sequential([keras.Input((8, 8, 3)), *stack]))
        >>> len(model.layers), report.params_before, report.params_after
        (2, 124, 112)
    """
    plan = Plan(model)
    fold(plan)
    return plan.finish()


def fold(plan: Plan) -> None:
    """Fold the batch normalizations of a plan's model, as the first step of another surgery."""
    hiding = [site for site in plan.sites if _hides_a_fold(site)]
    for site in hiding:
        plan.replace(site, expanded(site))
    if hiding:
        plan.carry_out()
    _fold(plan)
    plan.carry_out()


def _hides_a_fold(site: Site) -> bool:
    layer = site.layer
    if not isinstance(layer, FactorizedConv):
        return False
    inside = any(isinstance(factor, keras.layers.BatchNormalization) for factor in layer.factors)
    return inside or isinstance(site.consumer, keras.layers.BatchNormalization)


def _fold(plan: Plan) -> None:
    rows: dict[int, list[Site]] = {}  # by each of its layers: the carrier and the normalizations folded into it so far
    for site in plan.sites:
        if not isinstance(site.layer, keras.layers.BatchNormalization):
            continue
        before = plan.site_of(site.producer)
        row = rows.get(id(site.producer), [] if before is None else [before])
        reason = _obstacle(site, before, row[0] if row else None)
        if reason:
            plan.skip(site, reason)
        else:
            row.append(site)
            rows |= {id(member.layer): row for member in row}
    for row in {id(row): row for row in rows.values()}.values():
        carrier, *norms = row
        plan.replace(row, _carry(carrier, norms), at=carrier, others=f"folded in {carrier.name!r}")


def _obstacle(site: Site, before: Site | None, carrier: Site | None) -> str:
    """Return why a batch normalization can't be folded, or an empty text."""
    norm = site.layer
    if type(norm) is not keras.layers.BatchNormalization:
        return f"its class {type(norm).__module__}.{type(norm).__name__} is not Keras's own"
    if len(site.calls) > 1:
        return f"it is shared by {len(site.calls)} calls"
    if site.calls[0].arguments.get("training"):
        return "it is called with training=True"
    if before is None or carrier is None:
        source = site.calls[0].producers[0]
        return f"the layer before it, {source.name!r} ({type(source).__name__}), has no kernel that could carry it"
    layer = carrier.layer
    named = f"{carrier.name!r} ({type(layer).__name__})"
    if type(layer) not in KERNELS:
        return f"the layer before it, {named}, has no kernel that could carry it"
    if any(v.name not in ("kernel", "depthwise_kernel", "pointwise_kernel", "bias") for v in layer.weights):
        return f"{named} has weights beside kernel and bias"
    if len(before.calls) > 1 or before.consumer is not norm:
        return f"the output of {before.name!r} is used elsewhere too"
    if layer.activation is not keras.activations.linear:
        name = getattr(layer.activation, "__name__", type(layer.activation).__name__)  # a function, or a layer
        return f"{named} ends in the activation {name!r}"
    first = getattr(layer, "data_format", "") == "channels_first"
    rank = len(carrier.output_shape)
    if norm.axis % rank != (1 if first else rank - 1):
        return f"it normalizes axis {norm.axis}, which is not that of the channels of {named}"
    return ""


@np.errstate(all="ignore")  # the plan's check finds what is not finite
def _carry(site: Site, norms: Sequence[Site]) -> Replacement:
    """Return a layer with what batch normalizations do in its kernel and bias."""
    layer = site.layer
    affine = functools.reduce(Affine.followed_by, [Affine.of(norm.layer) for norm in norms])
    config = {**layer.get_config(), "use_bias": True}
    kernel_name, axes = KERNELS[type(layer)]
    weights = {v.name: np.asarray(v.numpy(), "float64") for v in layer.weights}
    kernel = weights[kernel_name]
    shape = [kernel.shape[axis] if axis in axes else 1 for axis in range(-kernel.ndim, 0)]
    weights[kernel_name] = kernel * affine.scale.reshape(shape)
    weights["bias"] = weights.get("bias", 0.0) * affine.scale + affine.shift  # Keras, too, has the bias last
    action = f"takes over {', '.join(repr(norm.name) for norm in norms)}"
    return Replacement((Part(type(layer).from_config(config), tuple(weights.values())),), action)
