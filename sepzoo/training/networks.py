"""The network in training, and the one that is measured and saved."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import keras
import numpy as np
from keras.ops import convert_to_numpy

from sepzoo.applications import build
from sepzoo.artifact.model_file import attach, load, metadata_of
from sepzoo.catalog.registry import find
from sepzoo.data.picture_files import named
from sepzoo.inference.evaluation import match_classes
from sepzoo.inference.feature_splits import open_feature_split
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features, Preparation
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.records.sound import Sound
from sepzoo.support.arguments import declared
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Optimizer
from sepzoo.surgery.exact.accelerate import accelerate
from sepzoo.training.heads import ACTIVATIONS, head_of
from sepzoo.training.new_classifier import outputs_for, with_new_classifier
from sepzoo.training.optimizer import own_optimizer
from sepzoo.training.recipe_sections import DataSection, ModelSection


@dataclasses.dataclass(frozen=True)
class Networks:
    """One network twice: what trains may differ in form from what is measured and saved.

    Attributes:
        training: by the fast twins of its layers; of a named network it gives logits.
        inference: the network as it is saved, with labels and preprocessing.
        preprocessing: from pixels, or clips of sound, to the input of both.
    """

    training: keras.Model
    inference: keras.Model
    preprocessing: Preparation

    @classmethod
    def of(cls, model: keras.Model, preprocessing: Preparation) -> Networks:
        """Return any image classifier as it is, ready for `sepzoo.training.fit`.

        Args:
            model: ends in logits, softmax or sigmoid; of one that gives values its record must say so
                (`sepzoo.artifact.model_file.attach`). After `fit` it holds the weights of the last epoch.
            preprocessing: from pixels, or clips of sound, to its input.

        Raises:
            SepzooError: a model that `sepzoo.surgery.rewrite` refuses.
        """
        training, _ = accelerate(model)
        for ours, theirs in zip(training.weights, model.weights, strict=True):
            if not np.array_equal(convert_to_numpy(ours.value), convert_to_numpy(theirs.value), equal_nan=True):
                raise SepzooError(
                    f"{model.name}: expected weights in the order of the layers. Received: {theirs.path} elsewhere. "
                    "Rebuild the model as a functional one."
                )
        return cls(training, model, preprocessing)

    def targets(self, class_names: tuple[str, ...]) -> np.ndarray:
        """Return the target outputs, float32: one row for each class of the data, or each of its values.

        Raises:
            SepzooError: the data has classes or values that the network has not.
        """
        classifier = from_model(self.inference)
        kind = head_of(self.inference).kind
        if kind == "values":
            names = classifier.labels or class_names
            if sorted(names) != sorted(class_names) or len(class_names) != classifier.classes:
                raise SepzooError(
                    f"{classifier.name}: expected the values {named(names)}. Received: {named(class_names)}."
                )
            outputs = np.array([names.index(name) for name in class_names])
        else:
            outputs, _ = match_classes(classifier, class_names)
        if kind == "sigmoid":
            return outputs[:, None].astype(np.float32)
        return np.eye(classifier.classes, dtype=np.float32)[outputs]

    def copy_weights(self, optimizer: Optimizer) -> None:
        """Copy the trained weights, or their moving averages, into the inference model."""
        averages = {id(variable): average for variable, average in own_optimizer(optimizer).averages()}
        for ours, theirs in zip(self.training.weights, self.inference.weights, strict=True):
            # By way of NumPy: JAX would let both share one buffer, and the next step deletes it.
            theirs.assign(convert_to_numpy(averages.get(id(ours), ours).value))


@dataclasses.dataclass(frozen=True)
class Start:
    """What a recipe begins with.

    Attributes:
        name: of the network.
        input_shape: of its input: (height, width, channels), or that of features of sound.
        preprocessing: from pixels, or clips of sound, to its input.
        model: the network itself, where it comes from a file; None where it is yet to be built.
    """

    name: str
    input_shape: tuple[int, ...]
    preprocessing: Preparation
    model: keras.Model | None = None


def starting_point(section: ModelSection, data: DataSection) -> Start:
    """Find a recipe's network, and say how it wants its images; the data section may choose the crop.

    Raises:
        SepzooError: no such network or file, or a file that is no image classifier or lacks its preprocessing.
    """
    if section.is_file:
        path = Path(section.name)
        best = path / "best.keras"
        model = load(best if best.is_file() else path)
        classifier = from_model(model)
        start = Start(classifier.name, classifier.input_shape, classifier.require_preparation(), model)
    else:
        start = _named(section, data)
    if data.crop_fraction is None:
        return start
    if not isinstance(start.preprocessing, Preprocessing):
        raise SepzooError(
            f"expected no crop_fraction for {start.name}, which takes no pictures. Received: "
            f"data.crop_fraction={data.crop_fraction}. Leave it out."
        )
    cropped = dataclasses.replace(start.preprocessing, crop_fraction=data.crop_fraction)
    return dataclasses.replace(start, preprocessing=cropped)


def _named(section: ModelSection, data: DataSection) -> Start:
    spec = find(section.name)[1]
    if spec.takes == "image":
        assert section.image_size is not None  # the section has seen to it
        return Start(section.name, (*section.image_size, section.channels), spec.preprocessing)
    if spec.takes == "series":
        found = open_feature_split(data.name, split=data.train, steps=section.steps)
        features = Features(found.features.shape[1:], padded=section.steps is not None)
        return Start(section.name, features.shape, features)
    if spec.sound is None:
        raise SepzooError(
            f"expected a network that says which sound it takes. Received: {section.name}, which doesn't."
        )
    sound = declared(Sound, {**spec.sound.to_dict(), **section.sound}, of="model.sound")
    return Start(section.name, sound.shape, sound)


def build_networks(section: ModelSection, start: Start, class_names: tuple[str, ...]) -> Networks:
    """Return a recipe's network for these classes.

    Raises:
        SepzooError: a file's network that has other classes; see `sepzoo.applications.build` for a name's.
    """
    if start.model is not None:
        model = start.model
        if section.classifier == "new":
            model = with_new_classifier(model, section.head, class_names)
        networks = _from_file(start, model, class_names)
    else:
        classes = outputs_for(section.head, class_names)
        arguments = {**section.arguments, "input_shape": start.input_shape, "classes": classes}
        training, _ = accelerate(build(section.name, weights=section.weights, classifier_activation=None, **arguments))
        inference = build(section.name, classifier_activation=ACTIVATIONS[section.head], **arguments)
        said = (Output("values"),) if section.head == "values" else None
        attach(inference, _metadata(start, class_names, said))
        networks = Networks(training, inference, start.preprocessing)
    if section.trained == "head":
        _freeze_features(networks.training)
    return networks


def _from_file(start: Start, model: keras.Model, class_names: tuple[str, ...]) -> Networks:
    own, known = from_model(model).labels, metadata_of(model)
    said = None if known is None else known.outputs
    attach(model, _metadata(start, own or class_names, said))
    networks = Networks.of(model, start.preprocessing)
    try:
        networks.targets(class_names)  # here it is said if they don't fit
    except SepzooError as error:
        raise SepzooError(
            f"{error} Or say model.classifier=new, and the network learns the classes of the data."
        ) from None
    if own is not None and match_classes(from_model(model), class_names)[1] == "by number":
        warnings.warn(
            f"{start.name}: the classes of the data are matched by number, since none of {named(class_names)} is a "
            f"label of the network: {named(own)}.",
            stacklevel=2,
        )
    return networks


def _metadata(start: Start, labels: tuple[str, ...], outputs: tuple[Output, ...] | None) -> Metadata:
    preparation = start.preprocessing
    if not isinstance(preparation, Preprocessing):
        features = Features(preparation.shape, sound=preparation) if isinstance(preparation, Sound) else preparation
        return Metadata(start.name, labels=labels, preprocessing=None, features=features, outputs=outputs)
    return Metadata(start.name, labels=labels, preprocessing=preparation, outputs=outputs)


def _freeze_features(model: keras.Model) -> None:
    """Let only the last layer with weights train; batch norm below it keeps its statistics."""
    with_weights = [layer for layer in model.layers if layer.weights]
    for layer in with_weights[:-1]:
        layer.trainable = False
