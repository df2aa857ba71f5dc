"""What a network is trained to give: its loss, and what is measured of it."""

from __future__ import annotations

import dataclasses

import keras

from sepzoo.artifact.model_file import metadata_of
from sepzoo.inference.keras_end import end_of
from sepzoo.inference.keras_model import from_model
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Kwargs
from sepzoo.training.recipe_sections import HeadKind

ACTIVATIONS: dict[HeadKind, str | None] = {
    "softmax": "softmax",
    "sigmoid": "sigmoid",
    "multilabel": "sigmoid",
    "values": None,
}


@dataclasses.dataclass(frozen=True)
class Head:
    """The end of a network in training or in inference.

    Attributes:
        kind: what its outputs mean.
        logits: whether it ends before softmax or sigmoid.
        outputs: how many numbers it gives.
    """

    kind: HeadKind
    logits: bool
    outputs: int

    @property
    def measure(self) -> str:
        """What `accuracy` is called: for values it is the coefficient of determination."""
        return "R²" if self.kind == "values" else "accuracy"

    def loss(self, label_smoothing: float = 0.0) -> keras.losses.Loss:
        """Return the loss: cross entropy, of values the mean squared error."""
        if self.kind == "values":
            return keras.losses.MeanSquaredError()
        kind = keras.losses.CategoricalCrossentropy if self.kind == "softmax" else keras.losses.BinaryCrossentropy
        return kind(from_logits=self.logits, label_smoothing=label_smoothing)

    def metrics(self, label_smoothing: float = 0.0, *, top5: bool = False) -> list[keras.metrics.Metric]:
        """Return what is measured: `accuracy`, `data_loss` (the loss without penalties), and `top5` where asked.

        The accuracy of several labels is the share of all of them; top-5 is measured of more than five classes.
        """
        metrics = keras.metrics
        if self.kind == "values":
            return [metrics.R2Score(name="accuracy"), metrics.MeanSquaredError(name="data_loss")]
        common: Kwargs = {"from_logits": self.logits, "label_smoothing": label_smoothing, "name": "data_loss"}
        if self.kind != "softmax":
            threshold = 0.0 if self.logits else 0.5
            return [
                metrics.BinaryAccuracy(threshold=threshold, name="accuracy"),
                metrics.BinaryCrossentropy(**common),
            ]
        found = [metrics.CategoricalAccuracy(name="accuracy"), metrics.CategoricalCrossentropy(**common)]
        return [*found, metrics.TopKCategoricalAccuracy(k=5, name="top5")] if top5 and self.outputs > 5 else found


def head_of(inference: keras.Model, training: keras.Model | None = None) -> Head:
    """Return the head of a network, as its record or its graph says; of its training form where that is given.

    Raises:
        SepzooError: it gives a map, or several outputs.
    """
    classifier = from_model(inference)
    if len(classifier.output_tensors) != 1 or classifier.output.kind == "map":
        raise SepzooError(
            f"{inference.name}: expected a network of one output that is class scores or values. Received: "
            f"{', '.join(output.kind for output in classifier.outputs)}. Train it in Keras."
        )
    kind, known = classifier.output.kind, metadata_of(inference)
    outputs = int(inference.outputs[0].shape[-1])
    if kind == "values" and outputs > 1 and (known is None or known.outputs is None):
        kind = "logits"  # as the tutorials train a last layer without activation
    ends = end_of(inference if training is None else training)
    return Head("softmax" if kind == "logits" else kind, ends not in ("softmax", "sigmoid"), outputs)
