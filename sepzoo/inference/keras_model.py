"""Keras models, in a `.keras` file or in memory."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.keras_tensors import input_tensors, output_tensors
from sepzoo.layers.embedded_inputs import require_rows, rows_looked_up
from sepzoo.layers.graph import graph_of
from sepzoo.layers.scope_names import give_scopes
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.quiet import errors_only
from sepzoo.support.types import Arrays


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class KerasClassifier(Classifier):
    """A Keras model behind the face that all files share.

    Attributes:
        model: as it was given or loaded; it is only read, but for the scopes of names that TensorFlow refuses.
    """

    model: keras.Model

    def run(self, tensor: Arrays) -> Arrays:
        """Return the model's outputs, float32 (n, *output_shape).

        Raises:
            SepzooError: a layer, or what runs it, refuses its input, its settings or its name.
        """
        given = self._in_order(tensor)
        if self._looks_up:
            require_rows(self.model, given)
        source = keras.tree.pack_sequence_as(graph_of(self.model).input, given)
        try:
            with errors_only("tensorflow"):  # which warns of each batch size that it compiles for
                outputs = keras.tree.flatten(self.model.predict_on_batch(source))
        except Exception as error:  # whatever layers and backends say, at the first batch only
            raise SepzooError(f"{self.name}: Keras cannot run this model ({first_line(error)}).") from error
        found = [np.asarray(output, np.float32) for output in outputs]
        for each, values in zip(self.output_tensors, found, strict=True):
            if values.shape != (len(given[0]), *each.shape):  # of a `RandomCrop`, which crops in training alone
                raise SepzooError(
                    f"{self.name}: expected output {each.name!r} of shape {each.shape}, as the model says. Received: "
                    f"{values.shape[1:]}, which its layers give in inference. Leave out the layer that gives another "
                    "shape in training (RandomCrop), or put CenterCrop or Resizing in its place."
                )
        return self._by_name(found)

    @functools.cached_property
    def _looks_up(self) -> bool:
        """Whether embeddings look up the numbers of an input."""
        return any(rows_looked_up(self.model, each) is not None for each in graph_of(self.model).inputs)


def read(path: Path, threads: int) -> KerasClassifier:
    """Open a `.keras` or `.h5` file; see `sepzoo.inference.open`."""
    del threads  # Keras's backend decides
    return from_model(model_file.load(path))


def from_model(
    model: keras.Model,
    *,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
) -> KerasClassifier:
    """Return the classifier of a model in memory.

    Args:
        model: a functional one, of inputs and outputs of fixed size.
        labels: instead of those that the model carries.
        preprocessing: instead of that which the model carries.
        features: what it takes instead of pixels.
        outputs: what it gives, instead of what the model says or its graph shows.

    Of several inputs or outputs the last three are dictionaries, by their names.

    Raises:
        SepzooError: an open size, no functional model, or what is said does not fit it.
    """
    graph_of(model)
    give_scopes(model)
    metadata = model_file.metadata_of(model) or Metadata(model.name, preprocessing=None)
    return KerasClassifier(
        metadata=metadata.updated(labels=labels, preprocessing=preprocessing, features=features, outputs=outputs),
        input_tensors=input_tensors(model),
        output_tensors=output_tensors(model),
        model=model,
    )
