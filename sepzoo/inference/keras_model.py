"""Keras models, in a `.keras` file or in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.keras_end import end_of
from sepzoo.layers.graph import graph_of
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.quiet import errors_only


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class KerasClassifier(Classifier):
    """A Keras model behind the face that all files share.

    Attributes:
        model: as it was given or loaded; it is only read.
    """

    model: keras.Model

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the values in the type of the model's input."""
        dtype = keras.backend.standardize_dtype(self.model.inputs[0].dtype)
        return values.astype("float32" if dtype in ("float16", "bfloat16") else dtype)

    def run(self, tensor: np.ndarray) -> np.ndarray:
        """Return the model's outputs, float32 (n, *output_shape)."""
        given = graph_of(self.model).input
        source = dict.fromkeys(given, tensor) if isinstance(given, dict) else tensor
        with errors_only("tensorflow"):  # which warns of each batch size that it compiles for
            (outputs,) = keras.tree.flatten(self.model.predict_on_batch(source))
        return np.asarray(outputs, np.float32).reshape(len(tensor), *self.output_shape)


def read(path: Path, threads: int) -> KerasClassifier:
    """Open a `.keras` or `.h5` file; see `sepzoo.inference.open`."""
    del threads  # Keras's backend decides
    return from_model(model_file.load(path))


def from_model(
    model: keras.Model,
    *,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    features: Features | None = None,
    outputs: str | Output | Sequence[Output] | None = None,
) -> KerasClassifier:
    """Return the classifier of a model in memory.

    Args:
        model: one input of fixed size, one output.
        labels: instead of those that the model carries.
        preprocessing: instead of that which the model carries.
        features: what it takes instead of pixels.
        outputs: what it gives, instead of what the model says or its graph shows.

    Raises:
        SepzooError: several inputs or outputs, an open size, or no functional model.
    """
    graph = graph_of(model)
    metadata = model_file.metadata_of(model) or Metadata(model.name, preprocessing=None)
    return KerasClassifier(
        metadata=metadata.updated(labels=labels, preprocessing=preprocessing, features=features, outputs=outputs),
        input_shape=_input_shape(model),
        output_shape=_output_shape(model),
        end=end_of(model),
        output_name=graph.output_names[0],
        model=model,
    )


def _input_shape(model: keras.Model) -> tuple[int, ...]:
    shapes = [tuple(each.shape) for each in model.inputs]
    if len(shapes) != 1:
        raise SepzooError(
            f"{model.name}: expected one input. Received: inputs of shape {shapes}. Models of several inputs can "
            "be profiled and rewritten, but not run or exported yet."
        )
    shape = shapes[0][1:]
    if None in shape:
        raise SepzooError(
            f"{model.name}: expected an input of fixed size. Received: {shape}. Build the network "
            "with input_shape=(height, width, channels) and load the weights into that."
        )
    return shape


def _output_shape(model: keras.Model) -> tuple[int, ...]:
    shapes = [tuple(each.shape) for each in model.outputs]
    if len(shapes) != 1 or None in shapes[0][1:]:
        raise SepzooError(
            f"{model.name}: expected one output of fixed size. Received: outputs of shape {shapes}. Make a model of "
            "one of them: keras.Model(model.inputs, model.outputs[0])."
        )
    return shapes[0][1:]
