"""Two linear 1 x 1 convolutions in a row as one."""

from __future__ import annotations

import math

import keras
import numpy as np

from sepzoo.layers import BSConvS1D, BSConvS2D, BSConvU1D, BSConvU2D
from sepzoo.layers.keras_convolutions import CONVOLUTIONS_1D_2D
from sepzoo.support.types import Layer
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement, Skip
from sepzoo.surgery.walk.sites import Site

BSCONV = {BSConvS1D: BSConvU1D, BSConvS2D: BSConvU2D}


def fuse_pointwise(model: keras.Model) -> tuple[keras.Model, SurgeryReport]:
    """Fuse two linear 1 x 1 convolutions in a row into one where that is cheaper, for inference.

    From M over M' to N channels that is so where M * N < M' * (M + N), as in BSConv-S with a large p, whose layer
    becomes a BSConv-U. What has a batch normalization between must be folded first (`fold_batch_norm`). What stays two
    is in the report with the reason. Outputs are the same to rounding, and each new layer is held against those that it
    replaces before the model is returned.

    Raises:
        SepzooError: a model that `rewrite` refuses, weights that are not finite, or a new layer whose outputs differ;
            the layer is named.

    Example:
        >>> from sepzoo.layers import BSConvS
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), BSConvS(16, 3, p=0.75, name="conv")])
        >>> new, report = fuse_pointwise(model)
        >>> type(new.layers[0]).__name__, report.changes[0].action, report.params_before, report.params_after
        ('BSConvU2D', 'its two 1 x 1 steps fused', 544, 416)
    """
    plan = Plan(model)
    _fuse(plan)
    while plan.replaces:  # three in a row take two rounds; what stays has its reason in the first one
        plan.carry_out()
        _fuse(plan, reasons=False)
    return plan.finish()


def _fuse(plan: Plan, *, reasons: bool = True) -> None:
    for site in plan.sites:
        if site in plan:
            continue
        if type(site.layer) in BSCONV:
            decision = _fused_inside(site)
            if reasons or isinstance(decision, Replacement):
                plan.replace(site, decision)
            continue
        second = plan.site_of(site.consumer)
        if second is None or not (_is_pointwise(site) and _is_pointwise(second)):
            continue
        reason = _obstacle(site, second)
        if reason and reasons:
            plan.skip(site, reason)
        elif not reason:
            plan.replace((site, second), _fused(site, second), at=second, others=f"fused with {second.name!r}")


def _is_pointwise(site: Site) -> bool:
    layer = site.layer
    return type(layer) in CONVOLUTIONS_1D_2D and math.prod(layer.kernel_size) == 1 and layer.groups == 1


def _obstacle(site: Site, second: Site) -> str:
    """Return why two 1 x 1 convolutions stay two, or an empty text."""
    first, behind = site.layer, second.layer
    if first.activation is not keras.activations.linear or first.activity_regularizer is not None:
        return f"what it gives to {second.name!r} is not linear or has a penalty"
    if len(second.calls) > 1 or math.prod(behind.strides) != 1:
        return f"{second.name!r} has strides, or is called elsewhere too"
    if (first.data_format, first.dtype_policy.name) != (behind.data_format, behind.dtype_policy.name):
        return f"its data format or precision is not that of {second.name!r}"
    if first.trainable != behind.trainable:
        return f"its trainable flag is not that of {second.name!r}"
    return _more_expensive(first.kernel.shape[-2], first.filters, behind.filters)


def _more_expensive(inputs: int, mid: int, outputs: int) -> str:
    if inputs * outputs < mid * (inputs + outputs):
        return ""
    return f"one 1 x 1 kernel of {inputs} x {outputs} is no cheaper than two over {mid} channels"


@np.errstate(all="ignore")  # the plan's check finds what is not finite
def _fused(site: Site, second: Site) -> Replacement:
    first, behind = site.layer, second.layer
    kernel, *bias = first.get_weights()
    next_kernel, *next_bias = behind.get_weights()
    weights = [_product(kernel, next_kernel)]
    config = {**behind.get_config(), "strides": first.strides, "use_bias": bool(bias or next_bias)}
    if config["use_bias"]:
        total = np.zeros(behind.filters) + (next_bias[0] if next_bias else 0.0)
        if bias:
            total += bias[0] @ next_kernel.reshape(-1, behind.filters).astype("float64")
        weights.append(total.astype("float32"))
    return Replacement((Part(type(behind).from_config(config), weights),), f"fused with {site.name!r}")


@np.errstate(all="ignore")
def _fused_inside(site: Site) -> Replacement | Skip:
    layer = site.layer
    if layer.factorization.batch_norm:
        return Skip("there is a batch normalization between its 1 x 1 steps; fold it first")
    first, second, *rest = layer.get_weights()
    reason = _more_expensive(first.shape[-2], first.shape[-1], second.shape[-1])
    if reason:
        return Skip(reason)
    config = layer.get_config()
    for key in ("p", "min_mid_channels", "orthonormal"):
        del config[key]
    new: Layer = BSCONV[type(layer)].from_config(config)
    return Replacement((Part(new, [_product(first, second), *rest]),), "its two 1 x 1 steps fused")


def _product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    product = first.reshape(first.shape[-2:]).astype("float64") @ second.reshape(second.shape[-2:])
    return product.reshape(*first.shape[:-2], *product.shape).astype("float32")
