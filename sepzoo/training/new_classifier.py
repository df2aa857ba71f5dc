"""A network of a file with another classifier, for other classes."""

from __future__ import annotations

import keras

from sepzoo.artifact.model_file import attach, metadata_of
from sepzoo.layers.twins import builtin_class
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output
from sepzoo.support.errors import SepzooError
from sepzoo.training.heads import ACTIVATIONS
from sepzoo.training.recipe_sections import HeadKind


def with_new_classifier(model: keras.Model, head: HeadKind, class_names: tuple[str, ...]) -> keras.Model:
    """Return the network on the same layers with a new dense layer in the place of its last, and what follows left out.

    Args:
        model: a functional or Sequential model, whose last layer with weights is dense.
        head: what the new network is to give.
        class_names: of its outputs.

    Raises:
        SepzooError: the last layer with weights is another one.

    Example:
        >>> layers = [keras.Input((4,)), keras.layers.Dense(3, name="features"), keras.layers.Dense(1000, "softmax")]
        >>> with_new_classifier(keras.Sequential(layers), "sigmoid", ("cat", "dog")).output_shape
        (None, 1)
    """
    last = [layer for layer in model.layers if layer.weights][-1:]
    if not last or builtin_class(last[0]) is not keras.layers.Dense:
        kind = type(last[0]).__name__ if last else "no layer with weights"
        raise SepzooError(
            f"{model.name}: expected a dense layer last, to put a new classifier in its place. Received: {kind}. Build "
            "the network with a classifier of your own, and leave classifier=new out."
        )
    dense = keras.layers.Dense(outputs_for(head, class_names), activation=ACTIVATIONS[head], name=last[0].name)
    new = keras.Model(model.inputs, dense(last[0].input), name=model.name)
    known = metadata_of(model) or Metadata(model.name, preprocessing=None)
    outputs = (Output("values"),) if head == "values" else None
    return attach(new, Metadata(known.name, class_names, known.preprocessing, known.features, outputs))


def outputs_for(head: HeadKind, class_names: tuple[str, ...]) -> int:
    """Return how many numbers a head gives.

    Raises:
        SepzooError: one sigmoid for other than two classes.

    Example:
        >>> outputs_for("softmax", ("cat", "dog")), outputs_for("sigmoid", ("cat", "dog"))
        (2, 1)
    """
    if head == "sigmoid" and len(class_names) != 2:
        raise SepzooError(
            f"expected data of two classes for model.head=sigmoid. Received: {len(class_names)} classes. Take softmax, "
            "or multilabel where several can be right at once."
        )
    return 1 if head == "sigmoid" else len(class_names)
