"""How a trained network does on labelled images, class by class, and where it is most wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.data.feature_source import FeatureSource
from sepzoo.data.sounds import SoundSource
from sepzoo.data.source import Source
from sepzoo.training.batches import count_batches, evaluation_batches
from sepzoo.training.clip_pictures import pictures_of
from sepzoo.training.heads import HeadKind, head_of
from sepzoo.training.networks import Networks
from sepzoo.training.series_pictures import pictures_of_series

WORST = 12
"""Mistakes that are shown."""


@dataclasses.dataclass(frozen=True)
class ClassScore:
    """One class, label or value.

    Attributes:
        name: of it.
        images: that are of it; of values, all.
        recall: share of these that are found; of values the mean absolute error stands in `error`.
        precision: share right of those that are called so; None where none is.
        error: mean absolute error of a value; None for classes and labels.
    """

    name: str
    images: int
    recall: float | None = None
    precision: float | None = None
    error: float | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Mistake:
    """An image that a network gets wrong, and says so with confidence.

    Attributes:
        pixels: uint8 of shape (height, width, channels); of a clip of sound those of its spectrum,
            of a series those of its curves.
        right: what it is, in words.
        given: what the network says, in words.
        confidence: probability of what it says; of values the sum of absolute errors.
    """

    pixels: np.ndarray
    right: str
    given: str
    confidence: float


@dataclasses.dataclass(frozen=True, eq=False)
class Assessment:
    """What a network does on a data set.

    Attributes:
        data: set, split and number of images.
        kind: of the network's head.
        scores: one for each class, label or value.
        confusion: images of each class (rows) by what they are called (columns); None for labels and values.
        mistakes: the worst, worst first.
    """

    data: str
    kind: HeadKind
    scores: tuple[ClassScore, ...]
    confusion: np.ndarray | None
    mistakes: tuple[Mistake, ...]


def assess(networks: Networks, source: Source, *, batch_size: int, data: str) -> Assessment:
    """Run the inference network on all images of a data set.

    Args:
        networks: of which the inference network is run.
        source: labelled images at its input size.
        batch_size: images at a time.
        data: what the source is called.
    """
    head = head_of(networks.inference)
    targets = networks.targets(source.class_names)
    batches = evaluation_batches(source, networks.preprocessing, batch_size=batch_size, targets=targets)
    given, wanted = [], []
    for _, (inputs, rows) in zip(range(count_batches(source, batch_size)), batches, strict=False):
        given.append(keras.ops.convert_to_numpy(networks.inference.predict_on_batch(inputs)))
        wanted.append(rows)
    answers, rights = np.concatenate(given).astype("float64"), np.concatenate(wanted)
    if head.kind == "sigmoid":  # the second of two classes
        answers, rights = (np.concatenate([1 - each, each], axis=1) for each in (answers, rights))
    if head.kind == "softmax" and head.logits:
        answers = np.exp(answers - answers.max(axis=1, keepdims=True))
        answers /= answers.sum(axis=1, keepdims=True)
    names = _output_names(targets, source.class_names, answers.shape[1], sigmoid=head.kind == "sigmoid")
    if head.kind in ("softmax", "sigmoid"):
        return _classes(source, answers, rights, names, head.kind, data)
    return _columns(source, answers, rights, names, head.kind, data)


def _output_names(targets: np.ndarray, class_names: Sequence[str], outputs: int, *, sigmoid: bool) -> list[str]:
    """Return the name of each output by the data's classes; one that no class of the data has bears its number."""
    table = np.concatenate([1 - targets, targets], axis=1) if sigmoid else targets
    found = {int(row.argmax()): name for row, name in zip(table, class_names, strict=True)}
    return [found.get(number, f"output {number}") for number in range(outputs)]


def _classes(
    source: Source, answers: np.ndarray, rights: np.ndarray, names: list[str], kind: HeadKind, data: str
) -> Assessment:
    right, called = rights.argmax(1), answers.argmax(1)
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (right, called), 1)
    scores = tuple(
        ClassScore(
            name,
            int(confusion[number].sum()),
            _share(confusion[number, number], confusion[number].sum()),
            _share(confusion[number, number], confusion[:, number].sum()),
        )
        for number, name in enumerate(names)
    )
    sure = answers[np.arange(len(answers)), called]
    wrong = np.flatnonzero(right != called)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    pixels = _pixels(source, worst)
    mistakes = [
        Mistake(image, names[right[at]], names[called[at]], float(sure[at]))
        for image, at in zip(pixels, worst, strict=True)
    ]
    return Assessment(data, kind, scores, confusion, tuple(mistakes))


def _columns(
    source: Source, answers: np.ndarray, rights: np.ndarray, names: list[str], kind: HeadKind, data: str
) -> Assessment:
    distance = np.abs(answers - rights)
    worst = np.argsort(-distance.sum(1), kind="stable")[:WORST]
    if kind == "values":
        scores = [ClassScore(name, len(rights), error=float(distance[:, at].mean())) for at, name in enumerate(names)]
    else:
        there, called = rights > 0.5, answers > 0.5
        worst = np.array([at for at in worst if (there[at] != called[at]).any()], np.int64)
        hits = (there & called).sum(0)
        totals = there.sum(0), called.sum(0)
        scores = [
            ClassScore(name, int(totals[0][at]), *(_share(hits[at], total[at]) for total in totals))
            for at, name in enumerate(names)
        ]
    mistakes = [
        Mistake(image, _words(names, rights[at], kind), _words(names, answers[at], kind), float(distance[at].sum()))
        for image, at in zip(_pixels(source, worst), worst, strict=True)
    ]
    return Assessment(data, kind, tuple(scores), None, tuple(mistakes))


def _pixels(source: Source, numbers: np.ndarray) -> np.ndarray:
    if not len(numbers):
        return np.zeros((0, 1, 1, 1), np.uint8)
    found = source.images(np.asarray(numbers, np.int64))
    if isinstance(source, FeatureSource):
        return pictures_of_series(found)
    return pictures_of(found) if isinstance(source, SoundSource) else found


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _words(names: list[str], row: np.ndarray, kind: HeadKind) -> str:
    if kind == "values":
        return ", ".join(f"{name} {value:.4g}" for name, value in zip(names, row, strict=True))
    return ", ".join(name for name, value in zip(names, row, strict=True) if value > 0.5) or "none"
