"""The network in training, and its twin that answers."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
from keras.ops import convert_to_numpy

from sepzoo.applications import build
from sepzoo.artifact.model_file import attach
from sepzoo.catalog.registry import find
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.surgery.exact.accelerate import accelerate
from sepzoo.training.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Networks:
    """One network twice: what trains may differ in form from what is measured and saved.

    Attributes:
        training: gives logits, by the fast twins of its layers.
        answering: gives probabilities, and carries labels and preprocessing into its file.
        preprocessing: from pixels to the input of both.
    """

    training: keras.Model
    answering: keras.Model
    preprocessing: Preprocessing

    def hand_over(self, optimizer: Any) -> None:
        """Copy the trained weights, or their moving averages, into the twin that answers."""
        averages = {id(variable): average for variable, average in optimizer.averages()}
        for ours, theirs in zip(self.training.weights, self.answering.weights, strict=True):
            # By way of NumPy: JAX would let both share one buffer, and the next step deletes it.
            theirs.assign(convert_to_numpy(averages.get(id(ours), ours).value))


def build_networks(recipe: Recipe, class_names: tuple[str, ...]) -> Networks:
    """Return the recipe's network for these classes.

    Raises:
        SepzooError: see `sepzoo.applications.build`.
    """
    section = recipe.model
    arguments = {
        **section.arguments,
        "input_shape": (*section.image_size, section.channels),
        "classes": len(class_names),
    }
    training, _ = accelerate(build(section.name, weights=section.weights, classifier_activation=None, **arguments))
    if section.trained == "head":
        _freeze_features(training)
    answering = build(section.name, **arguments)
    preprocessing = preprocessing_of(recipe)
    attach(answering, Metadata(section.name, labels=class_names, preprocessing=preprocessing))
    return Networks(training, answering, preprocessing)


def _freeze_features(model: keras.Model) -> None:
    """Let only the last layer with weights train; batch norm below it keeps its statistics."""
    with_weights = [layer for layer in model.layers if layer.weights]
    for layer in with_weights[:-1]:
        layer.trainable = False


def preprocessing_of(recipe: Recipe) -> Preprocessing:
    """Return how the recipe's network wants its images; the recipe may choose the crop.

    Raises:
        SepzooError: no such network.
    """
    preprocessing = find(recipe.model.name)[1].preprocessing
    if recipe.data.crop_fraction is None:
        return preprocessing
    return dataclasses.replace(preprocessing, crop_fraction=recipe.data.crop_fraction)
