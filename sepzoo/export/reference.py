"""What an exported file is held against: the model as its owner gave it, run by Keras in inference mode."""

from __future__ import annotations

import dataclasses
import functools

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.export.comparison import by_name
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.layers.cloning import clone
from sepzoo.layers.graph import layers_of
from sepzoo.support.types import Json, Layer

_HALF = ("float16", "bfloat16")


class Reference:
    """What all files of one call are held against, and what it answers.

    Args:
        given: the model as its owner gave it.
    """

    def __init__(self, given: KerasClassifier) -> None:
        self.given = given
        self._answers: dict[int, tuple[Samples, dict[str, np.ndarray]]] = {}

    @functools.cached_property
    def classifier(self) -> KerasClassifier:
        """The model in float32."""
        return float32_reference(self.given)

    def expected(self, samples: Samples) -> dict[str, np.ndarray]:
        """Return what it predicts, by the names of its outputs; asked for once for the same samples."""
        known = self._answers.get(id(samples))
        if known is None or known[0] is not samples:
            known = self._answers[id(samples)] = (samples, by_name(self.classifier, samples))
        return known[1]


def float32_reference(classifier: KerasClassifier) -> KerasClassifier:
    """Return a classifier that computes in float32: the same one, or of a model in half precision a float32 copy.

    Keras's own `clone_model` makes the copy, so it shares nothing with what is exported.
    """
    halves = [layer for _, layer in layers_of(classifier.model) if getattr(layer, "compute_dtype", "") in _HALF]
    if not halves:
        return classifier
    copy = keras.models.clone_model(classifier.model, clone_function=_in_float32, recursive=True)
    copy.set_weights(classifier.model.get_weights())
    for _, layer in layers_of(copy):
        getattr(layer, "finalize_state", lambda: None)()
    return dataclasses.replace(classifier, model=copy)


def _in_float32(layer: Layer) -> Layer:
    if isinstance(layer, keras.layers.Lambda):  # from_config would refuse its code
        copy: Layer = clone(layer, layer.name)
        copy.dtype_policy = "float32"
        return copy
    return type(layer).from_config(_without_half(layer.get_config()))


def _without_half(config: Json) -> Json:
    """Return a configuration whose layers, those inside it too, compute in float32."""
    if isinstance(config, list | tuple):
        return type(config)(map(_without_half, config))
    if not isinstance(config, dict):
        return config
    return {
        key: "float32" if key == "dtype" and any(half in str(value) for half in _HALF) else _without_half(value)
        for key, value in config.items()
    }
