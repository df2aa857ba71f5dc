"""Our own layers written out as built-in ones, so that a model opens where sepzoo is not installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from sepzoo.layers import (
    ColumnDraw,
    DropPath,
    DropPathJoin,
    EdgePadding,
    FactorizedConv,
    LayerScale,
    OrthonormalRegularizer,
    SumTerms,
)
from sepzoo.layers.keras_convolutions import DEPTHWISE
from sepzoo.layers.twins import builtin_class
from sepzoo.support.types import Tensor
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement, Skip
from sepzoo.surgery.walk.sites import Site
from sepzoo.surgery.walk.verification import SameModelOutputs, SameOutputs

Stage = Part | Callable[[Tensor], Tensor]


def to_keras(model: keras.Model) -> tuple[keras.Model, SurgeryReport]:
    """Expand each factorized layer into the built-in Keras layers that it consists of, weights and flags kept.

    The layers of `conv` are named `conv_pointwise`, `conv_depthwise` and so on, after its factors. A sum of several
    terms becomes one branch a term and an `Add`. Orthonormal penalties and dropped paths act in training alone and are
    left out; layer scale becomes a depthwise 1 x 1 convolution, and edge padding that no built-in layer does becomes
    functions of `keras.ops`. The result opens without
    sepzoo, and its outputs in inference agree with the original's to rounding; each new layer is held against the one
    that it replaces before the model is returned.

    Raises:
        SepzooError: a model that `rewrite` refuses, weights that are not finite, or new layers that give other outputs;
            the layer is named.

    Example:
        >>> import keras, sepzoo
        >>> conv = sepzoo.layers.BSConvU(8, 3, padding="same", name="conv")
        >>> model, report = to_keras(keras.Sequential([keras.Input((16, 16, 3)), conv]))
        >>> [layer.name for layer in model.layers]
        ['conv_pointwise', 'conv_depthwise']
    """
    plan = Plan(model)
    expand(plan)
    return plan.finish()


def expand(plan: Plan) -> None:
    """Choose to expand the factorized layers of a plan's model, as the first step of another surgery."""
    for site in plan.sites:
        decision = _in_keras(site)
        if decision:
            is_draw = isinstance(site.layer, ColumnDraw)
            plan.replace(site, decision, SameModelOutputs() if is_draw else SameOutputs())


def expanded(site: Site) -> Replacement | Skip:
    """Return what stands in a factorized layer's place: its factors, named after it."""
    layer = site.layer
    *factors, last = layer.factors
    if not isinstance(last, SumTerms):
        end = _ending(layer, last)
        return _in_a_row([*(_stage(layer, factor) for factor in factors), end], f"expanded into {_names(layer)}")
    record = layer.factorization
    steps = record.steps(site.input_shape[-1], layer.filters)
    if not record.expand or steps[-1].groups != steps[-1].inputs:
        return Skip(f"its {record.terms} terms share a step that built-in layers can't do apart")
    split = [factor.name for factor in factors].index(steps[-2].name)
    shared = [_stage(layer, factor) for factor in factors[:split]]
    terms = [[_term(layer, factor, term) for factor in factors[split:]] for term in range(record.terms)]
    total = Part(keras.layers.Add(name=f"{layer.name}_{last.name}", dtype=last.dtype_policy))
    activation = _activation(layer)

    def apply(x: Tensor) -> Tensor:
        x = _run(shared, x)
        return _run(activation, total.layer([_run(stages, x) for stages in terms]))

    stages = [*shared, *(stage for term in terms for stage in term), total, *activation]
    action = f"expanded into {record.terms} terms of {_names(layer)}"
    return Replacement(tuple(stage for stage in stages if isinstance(stage, Part)), action, apply)


def _in_keras(site: Site) -> Replacement | Skip | None:
    layer = site.layer
    if isinstance(layer, FactorizedConv):
        return expanded(site)
    if isinstance(layer, EdgePadding):
        return Replacement((), f"written in keras.ops ({layer.mode})", _edge_padding(layer))
    if isinstance(layer, DropPath | ColumnDraw):
        return Replacement((), "left out, it acts in training alone")
    if isinstance(layer, LayerScale) and len(site.input_shape) == 4:
        gamma = np.asarray(layer.gamma.numpy())[None, None, :, None]
        scale = keras.layers.DepthwiseConv2D(1, use_bias=False, name=layer.name, dtype=layer.dtype_policy)
        return Replacement((Part(scale, [gamma]),), "as a depthwise 1 x 1 convolution")
    if isinstance(layer, DropPathJoin):
        mean = keras.layers.Average(name=layer.name, dtype=layer.dtype_policy)
        return Replacement((Part(mean),), "as the mean that it is in inference", lambda x: mean(x[:-1]))
    if type(layer).__module__.startswith("sepzoo."):
        return Skip(f"no built-in layer does what {type(layer).__name__} does")
    config = layer.get_config()
    if any(isinstance(getattr(layer, key, None), OrthonormalRegularizer) for key in config):
        return _in_a_row([_part(layer, layer.name)], "its orthonormal penalty is left out")
    return None


def _in_a_row(stages: Sequence[Stage], action: str) -> Replacement:
    parts = tuple(stage for stage in stages if isinstance(stage, Part))
    plain = len(parts) == len(stages)
    return Replacement(parts, action, apply=None if plain else lambda x: _run(stages, x))


def _run(stages: Sequence[Stage], x: Tensor) -> Tensor:
    for stage in stages:
        x = stage.layer(x) if isinstance(stage, Part) else stage(x)
    return x


def _names(layer: FactorizedConv) -> str:
    return ", ".join(factor.name for factor in layer.factors)


def _stage(layer: FactorizedConv, factor: keras.layers.Layer) -> Stage:
    if isinstance(factor, EdgePadding):
        return _edge_padding(factor)
    return _part(factor, f"{layer.name}_{factor.name}")


def _ending(layer: FactorizedConv, factor: keras.layers.Layer) -> Stage:
    """Return the last factor with what the whole layer does to its output."""
    return _part(
        factor,
        f"{layer.name}_{factor.name}",
        activation=keras.activations.serialize(layer.activation),
        activity_regularizer=keras.regularizers.serialize(layer.activity_regularizer),
    )


def _activation(layer: FactorizedConv) -> list[Part]:
    if layer.activation is keras.activations.linear and layer.activity_regularizer is None:
        return []
    return [
        Part(
            keras.layers.Activation(
                layer.activation,
                name=f"{layer.name}_activation",
                activity_regularizer=layer.activity_regularizer,
                dtype=layer.dtype_policy,
            )
        )
    ]


def _term(layer: FactorizedConv, factor: keras.layers.Layer, term: int) -> Stage:
    """Return the share that one term has in a factor whose channels are the terms' channels side by side."""
    if isinstance(factor, EdgePadding):
        return _edge_padding(factor)
    depthwise = isinstance(factor, DEPTHWISE)
    mine = slice(term * layer.filters, (term + 1) * layer.filters)
    weights = [
        weight[..., mine, :] if depthwise and weight.ndim > 1 else weight[..., mine] for weight in factor.get_weights()
    ]
    own = {"filters": layer.filters} if "filters" in factor.get_config() else {}
    return _part(factor, f"{layer.name}_{factor.name}_{term + 1}", weights, **own)


def _part(layer: keras.layers.Layer, name: str, weights: Sequence[np.ndarray] | None = None, **changes: Any) -> Part:
    """Return a built-in layer anew under another name, without what of ours is in its configuration."""
    config = {**layer.get_config(), "name": name, **changes}
    for key in config:
        regularizer = getattr(layer, key, None)
        if isinstance(regularizer, OrthonormalRegularizer):
            config[key] = keras.regularizers.serialize(regularizer.plus)
    return Part(builtin_class(layer).from_config(config), layer.get_weights() if weights is None else weights)


def _edge_padding(layer: EdgePadding) -> Callable[[Tensor], Tensor]:
    """Return what an `EdgePadding` does, in functions that Keras itself can save."""

    def pad(x: Tensor) -> Tensor:
        pairs = ((0, 0), *layer.padding, (0, 0))
        if layer.mode == "reflect":
            return ops.pad(x, pairs, mode="reflect")
        if layer.mode == "circular":
            for axis, (before, after) in enumerate(layer.padding, start=1):
                left = (slice(None),) * axis
                pieces = [x[(*left, slice(-before, None))]] if before else []
                pieces += [x, x[(*left, slice(0, after))]] if after else [x]
                x = ops.concatenate(pieces, axis=axis) if len(pieces) > 1 else x
            return x
        for step in range(max(max(pair) for pair in pairs)):
            x = ops.pad(x, [[int(side > step) for side in pair] for pair in pairs], mode="symmetric")
        return x

    return pad
