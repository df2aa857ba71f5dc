"""A trained network made ready to leave: stock layers, batch norm folded, float32, probabilities out."""

from __future__ import annotations

from typing import Any

import keras

from sepzoo.inference.keras_model import KerasClassifier, ends_in_logits, from_model
from sepzoo.layers.graph import input_of, replay
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import fold_batch_norm, to_keras
from sepzoo.surgery.exact.branches import split_multipliers


def require_tensorflow(target: str) -> None:
    """Raise where Keras computes with another library: the converters take TensorFlow's graphs.

    Raises:
        SepzooError: Keras runs on JAX or PyTorch.
    """
    if keras.backend.backend() != "tensorflow":
        raise SepzooError(
            f"{target} needs Keras on TensorFlow. Received: KERAS_BACKEND={keras.backend.backend()}. Save the model, "
            "and export it in a process with KERAS_BACKEND=tensorflow."
        )


def described(
    model: keras.Model, labels: tuple[str, ...] | None, preprocessing: Preprocessing | None
) -> tuple[KerasClassifier, Metadata]:
    """Return the model as a classifier, and what its file will carry.

    Raises:
        SepzooError: the model is no image classifier, or nobody said how pixels become its input.
    """
    classifier = from_model(model, labels=labels, preprocessing=preprocessing)
    if classifier.preprocessing is None:
        raise SepzooError(
            f"expected a model that says how pixels become its input. Received: {model.name!r} without. Pass "
            "preprocessing=Preprocessing(mean=..., std=...) (on the command line: --preprocessing)."
        )
    return classifier, Metadata(classifier.name, classifier.labels, classifier.preprocessing)


def deployable(model: keras.Model) -> keras.Model:
    """Return a copy that computes the same in inference and that converters take well.

    Factorized layers become stock Keras layers, batch norm is folded, depth multipliers become branches, mixed
    precision becomes float32, nested models are inlined, and a model that ends in logits gets its softmax.
    """
    stock, _ = to_keras(model)
    folded, _ = split_multipliers(fold_batch_norm(stock)[0])
    source = keras.Input(folded.inputs[0].shape[1:], dtype="float32", name="image")
    (outputs,) = keras.tree.flatten(replay(folded, [source], _Flattening().call))
    if ends_in_logits(folded):
        outputs = keras.layers.Softmax(name="probability", dtype="float32")(outputs)
    return keras.Model(source, outputs, name=model.name)


class _Flattening:
    """A walk that inlines nested models and replaces layers of lower precision."""

    def __init__(self) -> None:
        self.exact: dict[int, keras.layers.Layer] = {}

    def call(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Repeat one operation's call."""
        if isinstance(operation, keras.Model):
            return replay(operation, input_of(args, kwargs), self.call)
        if getattr(operation, "compute_dtype", "float32") == "float32":
            return operation(*args, **kwargs)
        config = {**operation.get_config(), "dtype": "float32"}
        layer = self.exact.setdefault(id(operation), type(operation).from_config(config))
        outputs = layer(*args, **kwargs)
        layer.set_weights(operation.get_weights())
        return outputs
