"""Batch normalization folded into the layer before it."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.errors import SepzooError
from sepzoo.layers import FactorizedConv
from sepzoo.layers.twins import is_twin
from sepzoo.surgery.affine import Affine
from sepzoo.surgery.report import SurgeryReport
from sepzoo.surgery.rewriting import Part, Replacement, Skip, rewrite
from sepzoo.surgery.sites import Site, sites
from sepzoo.surgery.stock import expanded, shed

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
    gets a bias. Our factorized layers that have a batch normalization in them or behind them are expanded into stock
    layers first, as `to_keras` does; the report says so. A batch normalization that stays is in the report with the
    reason. Outputs in inference agree with the original's to rounding; the result is not meant for training on.

    Raises:
        SepzooError: a model that `rewrite` refuses, or weights that are not finite; the layer is named.

    Example:
        >>> import keras
        >>> stack = [keras.layers.Conv2D(4, 3, use_bias=False), keras.layers.BatchNormalization(), keras.layers.ReLU()]
        >>> model, report = fold_batch_norm(keras.Sequential([keras.Input((8, 8, 3)), *stack]))
        >>> len(model.layers), report.params_before, report.params_after
        (2, 124, 112)
    """
    expansion = None
    if any(_hides_a_fold(site) for site in sites(model)):
        model, expansion = rewrite(model, _opened)
    plan = _plan(model)
    model, report = rewrite(model, lambda site: plan.get(id(site.layer)))
    return model, expansion.followed_by(report) if expansion else report


def _opened(site: Site) -> Replacement | Skip | None:
    """Return the stock layers that a layer stands for, where it is a twin or hides a fold."""
    if not _hides_a_fold(site):
        return None
    return shed(site) if is_twin(site.layer) else expanded(site)


def _hides_a_fold(site: Site) -> bool:
    layer = site.layer
    if not isinstance(layer, FactorizedConv):
        return is_twin(layer)
    inside = any(isinstance(factor, keras.layers.BatchNormalization) for factor in layer.factors)
    return inside or isinstance(site.consumer, keras.layers.BatchNormalization)


def _plan(model: keras.Model) -> dict[int, Replacement | Skip]:
    """Return what becomes of each layer, by its identity."""
    where = {id(site.layer): site for site in sites(model)}
    carriers: dict[int, Site] = {}  # batch normalization -> the layer that it is folded into
    folded: dict[int, tuple[Site, Affine, list[str]]] = {}
    plan: dict[int, Replacement | Skip] = {}
    for site in where.values():
        if not isinstance(site.layer, keras.layers.BatchNormalization):
            continue
        before = where.get(id(site.producer))
        carrier = carriers.get(id(site.producer), before)
        reason = _obstacle(site, before, carrier)
        if reason or carrier is None or before is None:
            plan[id(site.layer)] = Skip(reason)
            continue
        affine, names = Affine.of(site.layer), [site.name]
        if id(carrier.layer) in folded:
            _carrier, earlier, earlier_names = folded[id(carrier.layer)]
            affine, names = earlier.followed_by(affine), earlier_names + names
        carriers[id(site.layer)] = carrier
        folded[id(carrier.layer)] = carrier, affine, names
        plan[id(site.layer)] = Replacement((), f"folded in {carrier.name!r}")
    for carrier, affine, names in folded.values():
        plan[id(carrier.layer)] = _carry(carrier, affine, names)
    return plan


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
        return f"{named} ends in the activation {layer.activation.__name__!r}"
    first = getattr(layer, "data_format", "") == "channels_first"
    rank = len(carrier.output_shape)
    if norm.axis % rank != (1 if first else rank - 1):
        return f"it normalizes axis {norm.axis}, which is not that of the channels of {named}"
    return ""


def _carry(site: Site, affine: Affine, names: list[str]) -> Replacement:
    """Return a layer with the affine map in its kernel and bias."""
    layer = site.layer
    config = {**layer.get_config(), "use_bias": True}
    kernel_name, axes = KERNELS[type(layer)]
    weights = {v.name: np.asarray(v.numpy(), "float64") for v in layer.weights}
    kernel = weights[kernel_name]
    shape = [kernel.shape[axis] if axis in axes else 1 for axis in range(-kernel.ndim, 0)]
    weights[kernel_name] = kernel * affine.scale.reshape(shape)
    weights["bias"] = weights.get("bias", 0.0) * affine.scale + affine.shift  # Keras, too, has the bias last
    if not all(np.isfinite(weight).all() for weight in weights.values()):
        involved = ", ".join(map(repr, [site.name, *names]))
        raise SepzooError(
            f"expected finite weights. Received: NaN or infinite values in {involved}. "
            "Train the model again, or load another checkpoint."
        )
    action = f"takes over {', '.join(map(repr, names))}"
    return Replacement((Part(type(layer).from_config(config), tuple(weights.values())),), action)
