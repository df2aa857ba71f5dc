"""The form of a network that is looked at: built-in layers, nothing to fold, linear layers with a bias and alone."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.export.channels_last import channels_last
from sepzoo.layers import FactorizedConv
from sepzoo.layers.graph import layers_of
from sepzoo.support.types import Layer
from sepzoo.surgery.exact.builtin_layers import expanded
from sepzoo.surgery.exact.folding import fold
from sepzoo.surgery.exact.separable_pairs import PAIRS, split
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.rewriting import Part, Replacement, rewrite
from sepzoo.surgery.walk.sites import Site
from sepzoo.surgery.walk.verification import require_finite

MIXING = (keras.layers.Conv2D, keras.layers.Dense)
"""Exactly these classes are fitted, for a subclass may compute something else."""


def narrows(layer: Layer) -> bool:
    """Return whether a layer is a depthwise convolution whose 5 x 5 window may become one of 3 x 3."""
    return type(layer) is keras.layers.DepthwiseConv2D and layer.kernel_size == (5, 5) and layer.padding == "same"


def simplified(model: keras.Model) -> keras.Model:
    """Return the same network with batch normalizations folded and separable layers written out.

    Each layer that is fitted has a bias and no activation: that stands in a layer `NAME_activation` behind it.
    Channels that come first come last inside.

    Raises:
        SepzooError: a model that `rewrite` refuses, or weights that are not finite.

    Example:
        >>> layers = [keras.layers.Conv2D(2, 3, use_bias=False, name="a"), keras.layers.BatchNormalization(name="b")]
        >>> layers += [keras.layers.Flatten(name="flat"), keras.layers.Dense(2, activation="softmax", name="d")]
        >>> [layer.name for layer in simplified(keras.Sequential([keras.Input((8, 8, 1)), *layers])).layers]
        ['a', 'flat', 'd', 'd_activation']
    """
    plan = Plan(_with_channels_last(model))
    require_finite(plan.sites)
    for site in plan.sites:
        if isinstance(site.layer, FactorizedConv):
            plan.replace(site, expanded(site))
        elif type(site.layer) in PAIRS:
            plan.replace(site, split(site))
    if plan.replaces:
        plan.carry_out()
    fold(plan)
    for site in plan.sites:
        layer = site.layer
        if (type(layer) in MIXING or narrows(layer)) and not (
            layer.use_bias and layer.activation is keras.activations.linear
        ):
            plan.replace(site, _alone(site))
    return plan.finish()[0]


def _with_channels_last(model: keras.Model) -> keras.Model:
    """Return the network itself where no layer has channels first, else a copy that says the same of itself."""
    if not any(getattr(layer, "data_format", None) == "channels_first" for _name, layer in layers_of(model)):
        return model
    found, metadata = channels_last(rewrite(model, lambda site: None)[0]), model_file.metadata_of(model)
    if metadata is not None:
        model_file.attach(found, metadata)
    return found


def _alone(site: Site) -> Replacement:
    """Return a layer with a bias, and its activation behind it."""
    layer = site.layer
    config = layer.get_config()
    kernel, *bias = layer.get_weights()
    own = type(layer).from_config({**config, "use_bias": True, "activation": None})
    outputs = kernel.shape[-1] * (kernel.shape[-2] if narrows(layer) else 1)
    parts = [Part(own, [kernel, *(bias or [np.zeros(outputs, "float32")])])]
    if layer.activation is not keras.activations.linear:
        name = f"{layer.name}_activation"
        parts.append(Part(keras.layers.Activation(config["activation"], name=name, dtype=layer.dtype_policy)))
    return Replacement(tuple(parts), "its activation apart")
