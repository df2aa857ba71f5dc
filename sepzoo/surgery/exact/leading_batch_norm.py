"""Batch normalization folded into the layer behind it."""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np

from sepzoo.layers.keras_convolutions import CONVOLUTIONS, DEPTHWISE, SEPARABLE
from sepzoo.support.types import Layer
from sepzoo.surgery.exact.affine import Affine
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement
from sepzoo.surgery.walk.sites import Site

DENSE = (*CONVOLUTIONS, keras.layers.Dense)


def fold_leading_batch_norm(model: keras.Model) -> tuple[keras.Model, SurgeryReport]:
    """Fold each batch normalization into the convolution or dense layer right behind it, where that is the same.

    What stands behind must be called once and alone get the normalized values. Where it pads, the zeros come after the
    normalization, so only one without shift (such as `beta = gamma * mean / deviation`) can go through; without padding
    any can. Take `fold_batch_norm` first, for those that have a layer before them. A normalization that stays is in the
    report with the reason. Outputs in inference agree with the original's to rounding, and each new layer is held
    against those that it replaces before the model is returned.

    Raises:
        SepzooError: a model that `rewrite` refuses, weights that are not finite, or a new layer whose outputs differ;
            the layer is named.

    Example:
        >>> stack = [keras.layers.BatchNormalization(name="input_bn"), keras.layers.Conv2D(4, 3, name="conv")]
        >>> model, report = fold_leading_batch_norm(keras.Sequential([keras.Input((8, 8, 3)), *stack]))
        >>> [(change.layer, change.action) for change in report.changes]
        [('input_bn', "folded in 'conv'"), ('conv', "takes over 'input_bn'")]
    """
    plan = Plan(model)
    for site in plan.sites:
        if not isinstance(site.layer, keras.layers.BatchNormalization):
            continue
        carrier = plan.site_of(site.consumer)
        reason = _obstacle(site, carrier)
        if reason or carrier is None:
            plan.skip(site, reason)
        else:
            plan.replace((site, carrier), _carry(carrier, site), at=carrier, others=f"folded in {carrier.name!r}")
    return plan.finish()


def _obstacle(site: Site, carrier: Site | None) -> str:
    """Return why a batch normalization can't be folded, or an empty text."""
    norm = site.layer
    if type(norm) is not keras.layers.BatchNormalization:
        return f"its class {type(norm).__module__}.{type(norm).__name__} is not Keras's own"
    if site.calls[0].arguments.get("training"):
        return "it is called with training=True"
    if site.consumer is None:
        return "not one layer alone gets its output"
    layer = site.consumer
    named = f"{layer.name!r} ({type(layer).__name__})"
    if carrier is None or type(layer) not in (*DENSE, *DEPTHWISE, *SEPARABLE):
        return f"the layer behind it, {named}, has no kernel that could carry it"
    if any(v.name not in ("kernel", "depthwise_kernel", "pointwise_kernel", "bias") for v in layer.weights):
        return f"{named} has weights beside kernel and bias"
    if len(carrier.calls) > 1:
        return f"{named} is called elsewhere too"
    rank = len(site.output_shape)
    first = getattr(layer, "data_format", "") == "channels_first"
    if norm.axis % rank != (1 if first else rank - 1):
        return f"it normalizes axis {norm.axis}, which is not that of the channels of {named}"
    size = getattr(layer, "kernel_size", (1,))
    if math.prod(size) > 1 and layer.padding != "valid" and np.any(Affine.of(norm).shift):
        return f"{named} pads with zeros, which its shift would have to come before"
    return ""


@dataclasses.dataclass(frozen=True)
class _Kernels:
    """A layer's kernels with an affine map of the input in them, and what the map's shift adds to each output."""

    weights: dict[str, np.ndarray]
    added: np.ndarray


@np.errstate(all="ignore")  # the plan's check finds what is not finite
def _carry(site: Site, norm: Site) -> Replacement:
    """Return a layer that does what a batch normalization and it did."""
    layer, affine = site.layer, Affine.of(norm.layer)
    weights = {v.name: np.asarray(v.numpy(), "float64") for v in layer.weights}
    merge = _into_dense if type(layer) in DENSE else _into_depthwise
    merged = merge(layer, weights, affine)
    final = {**merged.weights, "bias": weights.get("bias", 0.0) + merged.added}
    new = type(layer).from_config({**layer.get_config(), "use_bias": True})
    return Replacement((Part(new, tuple(final.values())),), f"takes over {norm.name!r}")


def _into_dense(layer: Layer, weights: dict[str, np.ndarray], affine: Affine) -> _Kernels:
    kernel = weights["kernel"]
    groups = getattr(layer, "groups", 1)
    filters = kernel.shape[-1]
    scale, shift = (  # of the inputs that each filter sees: (inputs of a group, filters)
        np.repeat(np.broadcast_to(each, (kernel.shape[-2] * groups,)).reshape(groups, -1).T, filters // groups, axis=1)
        for each in (affine.scale, affine.shift)
    )
    added = (kernel * shift).reshape(-1, filters).sum(axis=0)
    return _Kernels({"kernel": kernel * scale}, added)


def _into_depthwise(layer: Layer, weights: dict[str, np.ndarray], affine: Affine) -> _Kernels:
    name = "kernel" if "kernel" in weights else "depthwise_kernel"
    kernel = weights[name]
    added = (kernel * affine.shift[:, None]).reshape(-1, *kernel.shape[-2:]).sum(axis=0).ravel()
    merged = {name: kernel * affine.scale[:, None]}
    if type(layer) in SEPARABLE:
        pointwise = weights["pointwise_kernel"]
        merged["pointwise_kernel"] = pointwise
        added = added @ pointwise.reshape(-1, pointwise.shape[-1])
    return _Kernels(merged, added)
