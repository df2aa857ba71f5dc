"""Batches of images and labels, for training and for evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sepzoo.data.augment import Augmentation
from sepzoo.data.source import Batch, Source
from sepzoo.records.preprocessing import Preprocessing


def training_batches(
    source: Source,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    *,
    size: tuple[int, int],
    batch_size: int,
    seed: int,
    epoch: int,
    targets: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Yield one epoch of normalized images and one-hot labels, shuffled and augmented.

    `targets` has a row for each class of the data, what the network should say to it; None: one output a class. Every
    batch depends on `seed`, `epoch` and its number alone, so a resumed run sees what an unbroken one sees.
    """
    for number, (images, labels) in enumerate(source.shuffled(batch_size, seed=seed, epoch=epoch)):
        # From 1: NumPy takes [seed, epoch, 0] for [seed, epoch], which shuffles.
        random = np.random.default_rng([seed, epoch, number + 1])
        yield preprocessing.normalize(augmentation(images, size, random)), _targets(source, targets)[labels]


def evaluation_batches(
    source: Source, preprocessing: Preprocessing, *, batch_size: int, targets: np.ndarray | None = None
) -> Iterator[Batch]:
    """Yield normalized images and one-hot labels in order; `targets` as for training."""
    for images, labels in source.batches(batch_size):
        yield preprocessing.normalize(images), _targets(source, targets)[labels]


def count_batches(source: Source, batch_size: int) -> int:
    """Return the number of batches in an epoch."""
    return -(-len(source) // batch_size)


def _targets(source: Source, targets: np.ndarray | None) -> np.ndarray:
    return np.eye(len(source.class_names), dtype=np.float32) if targets is None else targets
