"""How a network is trained while it is compressed, and by which samples it is judged."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.inference.evaluation import require_known, with_own_labels
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.support.errors import SepzooError, unknown

HELD = 200
"""Samples that ranges begin with, and on which the epochs are compared."""

Targets = Literal["model", "labels"]


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """What `quantize_aware`, `prune` and `cluster` are told of training.

    Attributes:
        targets: "model": what the network answers before; "labels": the classes of the samples.
        epochs: how often each sample is seen.
        batch_size: samples of a step.
        learning_rate: the first one.
        seed: decides the order.
        least_epochs: the fewest that make sense.

    Example:
        >>> TrainingSettings(targets="model", epochs=2, batch_size=8, learning_rate=1e-4, seed=0).steps(20)
        6
    """

    targets: Targets
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    least_epochs: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", self.least_epochs), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SepzooError(f"expected {name} as a whole number of at least {least}. Received: {value!r}.")
        if not isinstance(self.learning_rate, int | float) or not 0 < self.learning_rate < np.inf:
            raise SepzooError(f"expected learning_rate above 0. Received: {self.learning_rate!r}.")
        if self.targets not in ("model", "labels"):
            raise unknown("target", self.targets, ("model", "labels"))

    def steps(self, count: int) -> int:
        """Return how many steps the training of so many samples takes."""
        return self.epochs * -(-count // self.batch_size)

    def labelled(self, classifier: KerasClassifier, data: Samples) -> Samples:
        """Return samples, with numbers of the network's own classes where labels are the targets.

        Raises:
            SepzooError: there are none, the network gives something else than class scores, or has other classes.
        """
        if self.targets == "model":
            return data
        if data.labels is None:
            raise SepzooError(
                f"expected labelled samples to train to. Received: {data.origin}, without labels. Pass targets='model'."
            )
        kinds = [output.kind for output in classifier.outputs]
        if len(kinds) > 1 or kinds[0] not in ("softmax", "logits"):
            raise SepzooError(
                f"expected class scores to train to labels. Received: {classifier.name!r}, which gives "
                f"{', '.join(kinds)}. Pass targets='model'."
            )
        data = with_own_labels(classifier, data)
        require_known(classifier, np.asarray(data.labels), data.origin)
        return data


def split(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the samples that judge, and of those that train: of few samples these are the same.

    Example:
        >>> [len(part) for part in split(np.arange(500))], [len(part) for part in split(np.arange(50))]
        ([200, 300], [50, 50])
    """
    return order[:HELD], order[HELD:] if len(order) >= 2 * HELD else order
