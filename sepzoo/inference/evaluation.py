"""How often a network is right on labelled images, or on labelled arrays of features."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from typing import Protocol

import numpy as np

from sepzoo.data.class_names import as_numbers
from sepzoo.data.picture_files import named
from sepzoo.data.samples import Samples, require_samples
from sepzoo.data.source import Source
from sepzoo.records.labels import composed, repeated
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import counted

_TOP = 5


class Scorer(Protocol):
    """What scores the classes of images: an opened file, or anything else that does."""

    @property
    def name(self) -> str:
        """Of the network."""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Of its classes, in the order of the scores; None where it has none."""

    @property
    def classes(self) -> int:
        """How many it tells apart."""

    def predict(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """Return a score of each class for each image, (n, classes)."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The accuracy of one network on one data set.

    Attributes:
        name: of the network.
        data: of the data set and its split.
        count: images.
        correct: images whose likeliest class is the right one.
        correct_top5: images whose right class is among the five likeliest.
        matched: how the network's outputs were laid beside the data's classes: `"by name"`, or `"by number"` where one
            side has no names or all names differ. Names that are numbers count by their value.
        what: images, clips or samples.

    Example:
        >>> evaluation = Evaluation("mobilenet_v1", "digits test", 360, 351, 360, "by name")
        >>> evaluation.top1, round(evaluation.standard_error, 4)
        (0.975, 0.0082)
        >>> print(evaluation)
        mobilenet_v1 on digits test: top-1 .975 ± .008, top-5 1.000, 360 images, classes matched by name
    """

    name: str
    data: str
    count: int
    correct: int
    correct_top5: int
    matched: str
    what: str = "images"

    @property
    def top1(self) -> float:
        """Share of the images whose likeliest class is right."""
        return self.correct / self.count

    @property
    def top5(self) -> float:
        """Share of the images whose right class is among the five likeliest."""
        return self.correct_top5 / self.count

    @property
    def standard_error(self) -> float:
        """Of `top1`, as an estimate from this many images."""
        return math.sqrt(self.top1 * (1 - self.top1) / self.count)

    def to_json(self) -> str:
        """Return counts and shares as JSON."""
        shares = {"top1": self.top1, "top5": self.top5, "standard_error": self.standard_error}
        return json.dumps({**dataclasses.asdict(self), **shares}, indent=1, ensure_ascii=False)

    def __str__(self) -> str:
        top1, error, top5 = (_share(value) for value in (self.top1, self.standard_error, self.top5))
        shares = f"top-1 {top1} ± {error}, top-5 {top5}"
        return f"{self.name} on {self.data}: {shares}, {self.count} {self.what}, classes matched {self.matched}"


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.3f}"


def evaluate(classifier: Scorer, source: Source, *, batch_size: int = 32) -> Evaluation:
    """Run the classifier on every image of the source; see `Classifier.evaluate`."""
    if source.values is not None:
        raise SepzooError(
            f"{source.name}: expected one class for each image, to evaluate. Received: columns of values, "
            f"{named(source.class_names)}. A run's report.html and result.json say how its network does on them."
        )
    outputs, matched = match_classes(classifier, source.class_names)
    steps = counted(source.batches(batch_size), math.ceil(len(source) / batch_size), "batches")
    batches = ((images, outputs[labels]) for images, labels in steps)
    correct, correct_top5 = _hits(classifier, batches, batch_size)
    return Evaluation(classifier.name, source.name, len(source), correct, correct_top5, matched, source.what)


def evaluate_samples(classifier: Scorer, samples: Samples, *, batch_size: int = 32) -> Evaluation:
    """Run the classifier on arrays with labels; see `Classifier.evaluate`.

    Raises:
        SepzooError: no labels, no sample, or a label that is none of the classifier's classes.
    """
    samples = with_own_labels(classifier, samples)
    labels = samples.labels
    if labels is None or not len(labels):
        raise SepzooError(
            f"{samples.origin}: expected labels beside the features. Received: "
            f"{'no sample' if labels is not None else 'none'}. Write both: numpy.savez(path, inputs=..., labels=...)."
        )
    require_known(classifier, labels, samples.origin)
    require_samples(samples, "evaluate")
    starts = range(0, len(labels), batch_size)
    batches = ((samples.taken(slice(at, at + batch_size)).images, labels[at : at + batch_size]) for at in starts)
    correct, correct_top5 = _hits(classifier, batches, batch_size)
    matched = samples.matched or "by number"
    return Evaluation(classifier.name, samples.origin, len(labels), correct, correct_top5, matched, what_of(samples))


def require_known(classifier: Scorer, labels: np.ndarray, origin: str) -> None:
    """Raise a `SepzooError` where one of the labels is no number of the classifier's classes."""
    if labels.min() < 0 or labels.max() >= classifier.classes:
        raise SepzooError(
            f"{origin}: expected labels 0 … {classifier.classes - 1}, the classes of {classifier.name}. "
            f"Received: {labels.min()} … {labels.max()}."
        )


def with_own_labels(classifier: Scorer, samples: Samples) -> Samples:
    """Return samples whose labels are numbers of the classifier's outputs, found by the names of the data's classes.

    Raises:
        SepzooError: a label that is none of the data's classes, or classes that the classifier has not.
    """
    if samples.class_names is None or samples.labels is None:
        return samples
    if samples.labels.min() < 0 or samples.labels.max() >= len(samples.class_names):
        raise SepzooError(
            f"{samples.origin}: expected labels 0 … {len(samples.class_names) - 1}. Received: {samples.labels.min()} … "
            f"{samples.labels.max()}. Choose another split: in this one some samples have no label."
        )
    outputs, matched = match_classes(classifier, samples.class_names)
    return dataclasses.replace(samples, labels=outputs[samples.labels], matched=matched, class_names=None)


def what_of(samples: Samples) -> str:
    """Return what samples are called: images where they are pixels.

    Example:
        >>> what_of(Samples(np.zeros((2, 640), "float32"), None, origin="windows.npy", seed=0))
        'samples'
    """
    pixels = isinstance(samples.images, np.ndarray) and samples.images.dtype == np.uint8
    return "images" if pixels else "samples"


def _hits(classifier: Scorer, batches: Iterable[tuple[np.ndarray, np.ndarray]], batch_size: int) -> tuple[int, int]:
    """Return how many samples have the right output first, and among the first five."""
    correct = correct_top5 = 0
    for images, outputs in batches:
        probabilities = classifier.predict(images, batch_size=batch_size)
        ranked = np.argsort(-probabilities, axis=1, kind="stable")[:, :_TOP]
        hits = ranked == outputs[:, None]
        correct += int(hits[:, 0].sum())
        correct_top5 += int(hits.any(axis=1).sum())
    return correct, correct_top5


def match_classes(classifier: Scorer, class_names: tuple[str, ...]) -> tuple[np.ndarray, str]:
    """Return for each class of the data the number of the classifier's output, and how it was found.

    Raises:
        SepzooError: some of the data's classes are none of the classifier's, or the counts differ and no name helps.
    """
    labels = tuple(map(composed, classifier.labels or ()))
    class_names = tuple(map(composed, class_names))
    if labels == class_names:
        return np.arange(len(labels)), "by name"
    known = {label: index for index, label in enumerate(labels)}
    missing = [name for name in class_names if name not in known]
    doubtful = sorted(set(repeated(labels) + repeated(class_names)) & known.keys() & set(class_names))
    if doubtful:
        raise SepzooError(
            f"expected labels of {classifier.name} and classes of the data that differ from one another. Received: "
            f"{doubtful[0]!r} more than once. Rename one."
        )
    numbers, label_numbers = as_numbers(class_names), as_numbers(labels)
    if missing and numbers and label_numbers and set(numbers) <= set(label_numbers):  # 7 and 07 are one name
        return np.array([label_numbers.index(number) for number in numbers]), "by name"
    if not missing:
        return np.array([known[name] for name in class_names]), "by name"
    if len(missing) == len(class_names) == classifier.classes:
        order = numbers or list(range(classifier.classes))  # numbers count by value, in whatever order they come
        return np.argsort(np.argsort(order)), "by number"
    if len(missing) == len(class_names):
        raise SepzooError(
            f"expected data of the {classifier.classes} classes of {classifier.name}. Received: {len(class_names)} "
            f"classes, and none of their names is a label of the file."
        )
    raise SepzooError(
        f"expected data whose classes are labels of {classifier.name}. Received: {len(missing)} others, such as "
        f"{missing[0]!r}. Rename them, or evaluate on other data."
    )
