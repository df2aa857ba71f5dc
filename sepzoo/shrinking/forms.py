"""A network as it is held to another one, and as it learns, under the names that the original has for what it gives."""

from __future__ import annotations

import dataclasses

import keras

from sepzoo.artifact import model_file
from sepzoo.compression.rounding import rounding
from sepzoo.data.samples import Samples
from sepzoo.export.preparation import deployed
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.keras_tensors import input_tensors, output_tensors
from sepzoo.inference.tensors import file_names
from sepzoo.layers.scope_names import give_scopes


@dataclasses.dataclass(frozen=True, eq=False)
class Forms:
    """A network twice, whose layers and outputs have the same names and stand in the same order.

    Attributes:
        plain: as it is held to another network.
        learning: as it learns and as its file is written: of an int8 file with layers that round as that will.
    """

    plain: KerasClassifier
    learning: KerasClassifier

    @classmethod
    def of(cls, model: keras.Model, original: KerasClassifier) -> Forms:
        """Return a network that stays as it is.

        Args:
            model: it takes what the original does and gives the same outputs in the same order, whatever the layers are
                called that give them.
            original: with what was said of it.
        """
        give_scopes(model)
        classifier = dataclasses.replace(original, model=model)
        return cls(classifier, classifier)

    @classmethod
    def of_integers(cls, model: keras.Model, original: KerasClassifier, samples: Samples) -> Forms:
        """Return a network as its int8 file will compute it: with its softmax, without and with rounding.

        Args:
            model: see `of`.
            original: with what was said of it.
            samples: which set where the ranges begin.
        """
        classifier = saying_inputs(cls.of(model, original).plain, samples)
        plain, rounded, _values = rounding(classifier, samples)
        return cls(_named(plain, classifier), _named(rounded, classifier))


def _named(model: keras.Model, classifier: KerasClassifier) -> KerasClassifier:
    """Return a deployed network whose inputs and outputs are called as before; its outputs have an order of their own.

    `deployable` gives several outputs in a dictionary, which Keras sorts by the names that they have in files.
    """
    given, taken = output_tensors(model), zip(input_tensors(model), classifier.input_tensors, strict=True)
    if len(given) > 1:
        names = [each.name for each in classifier.output_tensors]
        known = dict(zip(file_names(map(str, names)), names, strict=True))
        given = tuple(dataclasses.replace(each, name=known[str(each.name)]) for each in given)
    return dataclasses.replace(
        classifier,
        metadata=deployed(classifier),
        input_tensors=tuple(dataclasses.replace(each, name=old.name) for each, old in taken),
        output_tensors=given,
        model=model,
    )


def attach_said(classifier: KerasClassifier) -> keras.Model:
    """Give a classifier's model what is said of it, by the names that its own graph has for inputs and outputs."""
    model = classifier.model
    names = [
        {one.name: other.name for one, other in zip(*sides, strict=True)}
        for sides in (
            (classifier.input_tensors, input_tensors(model)),
            (classifier.output_tensors, output_tensors(model)),
        )
    ]
    return model_file.attach(model, classifier.metadata.renamed(*names))
