"""Comparison of an exported file's outputs with its model's."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.evaluation import what_of, with_own_labels
from sepzoo.inference.probabilities import require_probabilities
from sepzoo.records.outputs import Output
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import counted

_SMALLEST = 1e-7
"""Below it a probability counts as this in a KL divergence, as in Keras's loss of that name."""
_TOGETHER = 32
"""So many samples are answered at a time, as `Classifier.predict` does."""


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
        name: of the output, where the model has several.
        outputs: of each of several outputs, by its own measures; what stands above is that of the one with class
            scores, else of the first.
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
    name: str | None = None
    outputs: tuple[Comparison, ...] = ()

    @property
    def accuracy_drop(self) -> float | None:
        """Top-1 accuracy that the file loses, as a share; negative where it gains."""
        if self.model_accuracy is None or self.file_accuracy is None:
            return None
        return self.model_accuracy - self.file_accuracy


def compare(
    model: Classifier,
    file: Classifier,
    samples: Samples,
    *,
    random: bool = False,
    expected: dict[str, np.ndarray] | None = None,
) -> Comparison:
    """Run both on the samples.

    Args:
        model: what is right.
        file: what is held against it.
        samples: to run both on.
        random: whether they are of `noise`. A network that was never trained may give the same for all of them; the
            comparison says so then.
        expected: what the model predicts for the samples, where that is known (`by_name`).

    Raises:
        SepzooError: the model gives the same for all samples, so that nothing could show a difference; it gives no
            probabilities, though that was said; or a sample's label is none of the network's classes.
    """
    expected = by_name(model, samples) if expected is None else expected
    for output, rows in zip(model.outputs, expected.values(), strict=True):
        require_probabilities(model.name, output, rows)
    given = by_name(file, samples)
    alike = {name: len(samples) > 1 and bool((rows == rows[:1]).all()) for name, rows in expected.items()}
    if all(alike.values()) and not random:
        raise SepzooError(
            f"expected samples that {model.name} answers differently. Received: {origin_of(samples)}, all answered "
            "alike, so that no comparison could fail. Check on other samples."
        )
    several = len(expected) > 1
    labelled = [output.name for output in model.outputs if output.scores]
    samples = with_own_labels(model, samples) if len(labelled) == 1 else samples
    found = []
    for output, (name, rows) in zip(model.outputs, expected.items(), strict=True):
        labels = samples.labels if len(labelled) == 1 and output.scores else None
        seen = _compared(output, rows.astype(np.float64), given[name], samples, labels, model.name)
        note = "the model answers all of them alike, so they show no more than that the file runs"
        found.append(dataclasses.replace(seen, note=note if alike[name] else seen.note, name=name if several else None))
    if not several:
        return found[0]
    shown = next((seen for seen in found if seen.name in labelled), found[0])
    return dataclasses.replace(shown, outputs=tuple(found))


def by_name(model: Classifier, samples: Samples) -> dict[str, np.ndarray]:
    """Return what a model predicts, by the names of its outputs; that of one output, whatever it is called, as ""."""
    starts = range(0, len(samples), _TOGETHER)
    batches = counted(starts, len(starts), f"batches answered by {model.name}")
    parts = [model.predict(samples.taken(slice(start, start + _TOGETHER)).images) for start in batches]
    if len(model.output_tensors) > 1:
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {"": np.concatenate(parts)}


def with_half_error(comparison: Comparison, model: Classifier, file: Classifier, samples: Samples) -> Comparison:
    """Return the comparison with the largest difference of each output to the model as it is, in half precision."""
    expected, given = by_name(model, samples), by_name(file, samples)
    errors = {name: float(np.abs(rows - given[name]).max()) for name, rows in expected.items()}
    outputs = tuple(dataclasses.replace(seen, half_error=errors[str(seen.name)]) for seen in comparison.outputs)
    return dataclasses.replace(comparison, half_error=errors[comparison.name or ""], outputs=outputs)


def origin_of(samples: Samples) -> str:
    """Return count, origin and seed of samples in words."""
    return f"{len(samples)} {what_of(samples)} of {samples.origin}, seed {samples.seed}"


def _compared(
    output: Output,
    expected: np.ndarray,
    given: np.ndarray,
    samples: Samples,
    labels: np.ndarray | None,
    name: str,
) -> Comparison:
    """Return the comparison of one output of the model of a name."""
    if expected.shape != given.shape:
        raise SepzooError(f"{name}: expected outputs of shape {expected.shape}. Received from the file: {given.shape}.")
    distance = np.abs(expected - given)
    comparison = Comparison(
        count=len(samples),
        origin=origin_of(samples),
        max_error=float(distance.max()),
        mean_error=float(distance.mean()),
        agreement=None,
        relative_error=float(np.linalg.norm(distance) / max(np.linalg.norm(expected), np.finfo(np.float64).tiny)),
        scores=output.scores,
        note=None if output.scores else "outputs are no class scores",
    )
    if not output.scores:
        return comparison
    model_class, file_class = expected.argmax(axis=1), given.argmax(axis=1)
    one = len(np.unique(model_class)) < 2
    comparison = dataclasses.replace(
        comparison,
        agreement=None if one else float(np.mean(model_class == file_class)),
        note="the model names one class for all samples" if one else None,
        kl_divergence=kl_divergence(expected, given, independent=output.kind == "multilabel"),
    )
    if labels is None:
        return comparison
    classes = expected.shape[1]
    for label in (labels.min(), labels.max()):
        if not 0 <= label < classes:
            raise SepzooError(
                f"{samples.origin}: expected samples of the {classes} classes of {name}. Received: a label {label}."
            )
    model_right, file_right = model_class == labels, file_class == labels
    difference = model_right.astype(float) - file_right
    return dataclasses.replace(
        comparison,
        model_accuracy=float(model_right.mean()),
        file_accuracy=float(file_right.mean()),
        accuracy_drop_error=float(difference.std() / math.sqrt(len(difference))),
        matched=samples.matched,
    )


def kl_divergence(expected: np.ndarray, given: np.ndarray, *, independent: bool = False) -> float:
    """Return the mean Kullback-Leibler divergence of probabilities from the right ones, in nats.

    Args:
        expected: rows of right ones, (n, classes).
        given: the others, of the same shape.
        independent: whether each is a pair with its rest, instead of all of a row adding up to 1.

    Example:
        >>> round(kl_divergence(np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])), 4)
        0.5108
    """
    return max(
        0.0, float(np.mean(kl_divergences(expected, given, independent=independent)))
    )  # never less but by rounding


def kl_divergences(expected: np.ndarray, given: np.ndarray, *, independent: bool = False) -> np.ndarray:
    """Return the divergence of each row, as `kl_divergence` takes its mean.

    Args:
        expected: see `kl_divergence`.
        given: see `kl_divergence`.
        independent: see `kl_divergence`.
    """
    if independent:
        expected, given = (np.concatenate([each, 1 - each], axis=1) for each in (expected, given))
    p, q = (np.clip(each, _SMALLEST, 1) for each in (expected, given))
    return np.sum(p * np.log(p / q), axis=1)
