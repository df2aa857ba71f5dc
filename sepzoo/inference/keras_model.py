"""Keras models, in a `.keras` file or in memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.inference.classifier import Classifier
from sepzoo.layers.graph import graph_of, origin
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.quiet import errors_only

_PROBABILITIES = ("softmax", "sigmoid")
_PASSED_THROUGH = ("Reshape", "Flatten", "Identity", "Dropout")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class KerasClassifier(Classifier):
    """A Keras model behind the face that all files share."""

    model: keras.Model

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """Return the normalized pixels, float32."""
        return self.require_preprocessing().normalize(pixels)

    def run(self, tensor: np.ndarray) -> np.ndarray:
        """Return the model's outputs, float32 (n, classes)."""
        with errors_only("tensorflow"):  # which warns of each batch size that it compiles for
            outputs = self.model.predict_on_batch(tensor)
        return np.asarray(outputs, np.float32).reshape(len(tensor), self.classes)


def read(
    path: Path, *, labels: tuple[str, ...] | None, preprocessing: Preprocessing | None, threads: int
) -> KerasClassifier:
    """Open a `.keras` file; see `sepzoo.inference.open`."""
    del threads  # Keras's backend decides
    return from_model(model_file.load(path), labels=labels, preprocessing=preprocessing)


def from_model(
    model: keras.Model, *, labels: tuple[str, ...] | None = None, preprocessing: Preprocessing | None = None
) -> KerasClassifier:
    """Return the classifier of a model in memory.

    Args:
        model: one image input of fixed size, one output of class scores.
        labels: instead of those that the model carries.
        preprocessing: instead of that which the model carries.

    Raises:
        SepzooError: the model is no image classifier, or no functional model.
    """
    graph_of(model)
    metadata = model_file.metadata_of(model)
    return KerasClassifier(
        name=metadata.name if metadata else model.name,
        input_shape=_input_shape(model),
        classes=_classes(model),
        labels=labels or (metadata.labels if metadata else None),
        preprocessing=preprocessing or (metadata.preprocessing if metadata else None),
        from_logits=ends_in_logits(model),
        model=model,
    )


def ends_in_logits(model: keras.Model) -> bool:
    """Tell whether a model's output has gone through neither softmax nor sigmoid.

    Layers that leave the values as they are (reshape, flatten, identity) are looked through.

    Example:
        >>> import keras
        >>> ends_in_logits(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
        True
        >>> ends_in_logits(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")]))
        False
    """
    return not _is_probability(model.outputs[0])


def _is_probability(tensor: Any) -> bool:
    operation, sources, position = origin(tensor)
    if isinstance(operation, keras.Model):
        return _is_probability(operation.outputs[position])
    kind = type(operation).__name__
    if kind in _PASSED_THROUGH:
        return _is_probability(sources[0])
    activation = getattr(operation, "activation", None)
    return kind.lower() in _PROBABILITIES or getattr(activation, "__name__", None) in _PROBABILITIES


def _input_shape(model: keras.Model) -> tuple[int, int, int]:
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        shapes = [tuple(each.shape) for each in model.inputs]
        raise SepzooError(f"{model.name}: expected one input of images. Received: inputs of shape {shapes}.")
    height, width, channels = model.inputs[0].shape[1:]
    if None in (height, width, channels):
        raise SepzooError(
            f"{model.name}: expected an input of fixed size. Received: {(height, width, channels)}. Build the network "
            "with input_shape=(height, width, channels) and load the weights into that."
        )
    return height, width, channels


def _classes(model: keras.Model) -> int:
    shape = tuple(model.outputs[0].shape)
    if len(model.outputs) != 1 or None in shape[1:] or int(np.prod(shape[1:])) != shape[-1]:
        raise SepzooError(
            f"{model.name}: expected one output of shape (images, classes). Received: "
            f"{[tuple(each.shape) for each in model.outputs]}. Build the network with include_top=True."
        )
    return int(shape[-1])
