"""Lay an exported file's answers beside its model's."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from sepzoo.inference.classifier import Classifier

_NOISE_COUNT = 16
_NOISE_SEED = 0


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a file answers, beside what its model answers, on the same samples.

    Attributes:
        count: samples.
        origin: where they came from, with the seed of the draw.
        max_error, mean_error: absolute difference of the probabilities.
        agreement: share of the samples on which both name the same class.
        model_accuracy, file_accuracy: top-1 on the samples; None where they have no labels.
        accuracy_drop_error: standard error of the difference of the two accuracies, the samples being paired.
    """

    count: int
    origin: str
    max_error: float
    mean_error: float
    agreement: float
    model_accuracy: float | None = None
    file_accuracy: float | None = None
    accuracy_drop_error: float = 0.0

    @property
    def accuracy_drop(self) -> float | None:
        """Top-1 accuracy that the file loses, as a share; negative where it gains."""
        if self.model_accuracy is None or self.file_accuracy is None:
            return None
        return self.model_accuracy - self.file_accuracy


def compare(model: Classifier, file: Classifier, samples: Samples) -> Comparison:
    """Run both on the samples.

    Raises:
        SepzooError: a sample's label is none of the network's classes.
    """
    expected, answered = model.predict(samples.images), file.predict(samples.images)
    distance = np.abs(expected.astype(np.float64) - answered)
    model_class, file_class = expected.argmax(axis=1), answered.argmax(axis=1)
    comparison = Comparison(
        count=len(samples),
        origin=describe(samples),
        max_error=float(distance.max()),
        mean_error=float(distance.mean()),
        agreement=float(np.mean(model_class == file_class)),
    )
    if samples.labels is None:
        return comparison
    if samples.labels.max() >= model.classes:
        raise SepzooError(
            f"expected samples of the {model.classes} classes of {model.name}. Received: a label "
            f"{samples.labels.max()}."
        )
    model_right, file_right = model_class == samples.labels, file_class == samples.labels
    difference = model_right.astype(float) - file_right
    return dataclasses.replace(
        comparison,
        model_accuracy=float(model_right.mean()),
        file_accuracy=float(file_right.mean()),
        accuracy_drop_error=float(difference.std() / math.sqrt(len(difference))),
    )


def describe(samples: Samples) -> str:
    """Return count, origin and seed of samples in words."""
    return f"{len(samples)} images of {samples.origin}, seed {samples.seed}"


def noise(input_shape: tuple[int, int, int]) -> Samples:
    """Return images of random pixels: enough to see whether a float file computes the same, and nothing more."""
    pixels = np.random.default_rng(_NOISE_SEED).integers(0, 256, (_NOISE_COUNT, *input_shape), np.uint8)
    return Samples(pixels, labels=None, origin="random pixels", seed=_NOISE_SEED)
