"""Comparison of an exported file's outputs with its model's."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.evaluation import what_of
from sepzoo.records.inputs import Features
from sepzoo.support.errors import SepzooError

_NOISE_COUNT = 16
_NOISE_SEED = 0
_SMALLEST = 1e-7
"""Below it a probability counts as this in a KL divergence, as in Keras's loss of that name."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A file's outputs beside its model's, on the same samples.

    Attributes:
        count: samples.
        origin: where they came from, with the seed of the draw.
        max_error, mean_error: absolute difference of the probabilities, or of the values.
        agreement: share of the samples on which both name the same class; None where there are no classes, or the model
            names one class alone.
        model_accuracy, file_accuracy: top-1 on the samples; None where they have no labels.
        accuracy_drop_error: standard error of the difference of the two accuracies, the samples being paired.
        relative_error: root of the squared differences' sum over that of the model's squared outputs.
        kl_divergence: from the model's probabilities to the file's, mean over the samples, in nats; None of values.
        scores: whether the outputs are class scores.
        note: why there is no agreement, in words; None where there is one.
        matched: how the samples' labels were found among the classes, "by name" or "by number"; None where nobody said.
        half_error: largest difference to the model as it is, where that computes in half precision; the others are
            those to its float32 copy.
    """

    count: int
    origin: str
    max_error: float
    mean_error: float
    agreement: float | None
    model_accuracy: float | None = None
    file_accuracy: float | None = None
    accuracy_drop_error: float = 0.0
    relative_error: float | None = None
    kl_divergence: float | None = None
    scores: bool = True
    note: str | None = None
    matched: str | None = None
    half_error: float | None = None

    @property
    def accuracy_drop(self) -> float | None:
        """Top-1 accuracy that the file loses, as a share; negative where it gains."""
        if self.model_accuracy is None or self.file_accuracy is None:
            return None
        return self.model_accuracy - self.file_accuracy


def compare(model: Classifier, file: Classifier, samples: Samples, *, random: bool = False) -> Comparison:
    """Run both on the samples.

    Args:
        model: what is right.
        file: what is held against it.
        samples: to run both on.
        random: whether they are of `noise`. A network that was never trained may give the same for all of them; the
            comparison says so then.

    Raises:
        SepzooError: the model gives the same for all samples, so that nothing could show a difference; or a sample's
            label is none of the network's classes.
    """
    expected, given = model.predict(samples.images).astype(np.float64), file.predict(samples.images)
    alike = len(samples) > 1 and bool((expected == expected[:1]).all())
    if alike and not random:
        raise SepzooError(
            f"expected samples that {model.name} answers differently. Received: {origin_of(samples)}, all answered "
            "alike, so that no comparison could fail. Check on other samples."
        )
    distance = np.abs(expected - given)
    comparison = Comparison(
        count=len(samples),
        origin=origin_of(samples),
        max_error=float(distance.max()),
        mean_error=float(distance.mean()),
        agreement=None,
        relative_error=float(np.linalg.norm(distance) / max(np.linalg.norm(expected), np.finfo(np.float64).tiny)),
        scores=model.output.scores,
        note=None if model.output.scores else "outputs are no class scores",
    )
    if model.output.scores:
        comparison = _with_classes(comparison, model, expected, given, samples)
    note = "the model answers all of them alike, so they show no more than that the file runs"
    return dataclasses.replace(comparison, note=note) if alike else comparison


def origin_of(samples: Samples) -> str:
    """Return count, origin and seed of samples in words."""
    return f"{len(samples)} {what_of(samples)} of {samples.origin}, seed {samples.seed}"


def noise(input_shape: tuple[int, ...], features: Features | None = None) -> Samples:
    """Return random samples: enough to see whether a float file computes the same, and nothing more.

    Args:
        input_shape: of one sample.
        features: what the model takes instead of pixels; of an unknown range they are drawn from a normal distribution.
    """
    random, shape = np.random.default_rng(_NOISE_SEED), (_NOISE_COUNT, *input_shape)
    if features is None:
        return Samples(random.integers(0, 256, shape, np.uint8), None, origin="random pixels", seed=_NOISE_SEED)
    values = (
        random.normal(size=shape)
        if features.low is None or features.high is None
        else random.uniform(features.low, features.high, shape)
    )
    return Samples(values.astype(features.dtype), None, origin="random numbers", seed=_NOISE_SEED)


def _with_classes(
    comparison: Comparison, model: Classifier, expected: np.ndarray, given: np.ndarray, samples: Samples
) -> Comparison:
    """Return the comparison with what class scores add: agreement, KL divergence, accuracies."""
    model_class, file_class = expected.argmax(axis=1), given.argmax(axis=1)
    one = len(np.unique(model_class)) < 2
    independent = model.output.kind == "multilabel"
    comparison = dataclasses.replace(
        comparison,
        agreement=None if one else float(np.mean(model_class == file_class)),
        note="the model names one class for all samples" if one else None,
        kl_divergence=_kl_divergence(expected, given, independent=independent),
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
        matched=samples.matched,
    )


def _kl_divergence(expected: np.ndarray, given: np.ndarray, *, independent: bool) -> float:
    """Return the mean KL divergence of rows of probabilities; independent ones are each a pair with their rest."""
    if independent:
        expected, given = (np.concatenate([each, 1 - each], axis=1) for each in (expected, given))
    p, q = (np.clip(each, _SMALLEST, 1) for each in (expected, given))
    return float(np.mean(np.sum(p * np.log(p / q), axis=1)))
