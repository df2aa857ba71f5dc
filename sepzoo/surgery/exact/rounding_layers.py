"""What becomes of layers that round as an int8 file does, when their network leaves."""

from __future__ import annotations

import keras

from sepzoo.layers.fake_quantization import QuantizedKernel, QuantizedOutput
from sepzoo.layers.graph import layers_of
from sepzoo.surgery.walk.rewriting import Part, Replacement, rewrite
from sepzoo.surgery.walk.sites import Site


def rounds(model: keras.Model) -> bool:
    """Return whether a model was trained with the steps of integers: it has layers that round.

    Example:
        >>> rounds(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
        False
    """
    return any(isinstance(layer, QuantizedKernel | QuantizedOutput) for _, layer in layers_of(model))


def freeze_rounding(model: keras.Model) -> keras.Model:
    """Return a model that computes the same by the operation that TensorFlow's converter reads steps from."""
    return rewrite(model, _frozen)[0]


def remove_rounding(model: keras.Model) -> keras.Model:
    """Return the model in float32, of built-in layers: it has the trained weights, and the steps are lost.

    Example:
        >>> layer = QuantizedKernel(keras.layers.Dense(2, name="dense"))
        >>> model = remove_rounding(keras.Sequential([keras.Input((4,)), layer, QuantizedOutput(name="output")]))
        >>> [type(layer).__name__ for layer in model.layers]
        ['Dense']
    """
    return rewrite(model, _plain)[0]


def _frozen(site: Site) -> Replacement | None:
    if not isinstance(site.layer, QuantizedKernel | QuantizedOutput):
        return None
    layer = type(site.layer).from_config({**site.layer.get_config(), "frozen": True})
    return Replacement((Part(layer, site.layer.get_weights()),), "frozen")


def _plain(site: Site) -> Replacement | None:
    if isinstance(site.layer, QuantizedOutput):
        return Replacement((), "taken out")
    if not isinstance(site.layer, QuantizedKernel):
        return None
    inner = site.layer.layer
    return Replacement((Part(type(inner).from_config(inner.get_config()), inner.get_weights()),), "without steps")
