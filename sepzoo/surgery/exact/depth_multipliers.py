"""Separable convolutions of several terms as branches, which TFLite computes faster than a depth multiplier."""

from __future__ import annotations

import keras

from sepzoo.support.types import Layer
from sepzoo.surgery.exact.separable_pairs import split
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement
from sepzoo.surgery.walk.sites import Site


def split_multipliers(model: keras.Model) -> tuple[keras.Model, SurgeryReport]:
    """Return the network with each depth multiplier above 1 as depthwise convolutions side by side.

    A `SeparableConv2D(depth_multiplier=T)` becomes T `DepthwiseConv2D`, a `Concatenate` and a 1 x 1 `Conv2D`, with the
    same multiply-accumulates and the same results to rounding. On a processor TFLite takes more than twice as long for
    a ResNet20 of the former with T = 2 (training/README.md).

    Example:
        >>> conv = keras.layers.SeparableConv2D(4, 3, depth_multiplier=2, name="conv")
        >>> model, _report = split_multipliers(keras.Sequential([keras.Input((8, 8, 3)), conv]))
        >>> [layer.name for layer in model.layers[-4:]]
        ['conv_depthwise_1', 'conv_depthwise_2', 'conv_terms', 'conv_pointwise']
    """
    plan = Plan(model)
    split_all(plan)
    return plan.finish()


def split_all(plan: Plan) -> None:
    """Choose to split the depth multipliers of a plan's model, as a step of another surgery."""
    for site in plan.sites:
        if type(site.layer) is keras.layers.SeparableConv2D and site.layer.depth_multiplier > 1:
            plan.replace(site, _branches(site))


def _branches(site: Site) -> Replacement:
    layer: Layer = site.layer
    terms = layer.depth_multiplier
    depthwise, pointwise, *bias = layer.get_weights()
    whole, mixing = (part.layer for part in split(site).parts)
    branches = [
        Part(
            keras.layers.DepthwiseConv2D.from_config(
                {**whole.get_config(), "depth_multiplier": 1, "name": f"{whole.name}_{term + 1}"}
            ),
            [depthwise[..., term : term + 1]],
        )
        for term in range(terms)
    ]
    axis = 1 if layer.data_format == "channels_first" else -1
    side_by_side = Part(keras.layers.Concatenate(axis=axis, name=f"{layer.name}_terms", dtype=layer.dtype_policy))
    by_term = pointwise.reshape(-1, terms, layer.filters).swapaxes(0, 1).reshape(pointwise.shape)
    last = Part(mixing, [by_term, *bias])
    return Replacement(
        (*branches, side_by_side, last),
        f"as {terms} depthwise convolutions side by side",
        lambda x: last.layer(side_by_side.layer([branch.layer(x) for branch in branches])),
    )
