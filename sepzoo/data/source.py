"""What every data set looks like from outside: labelled uint8 images of one size, or clips of sound."""

from __future__ import annotations

import abc
from collections.abc import Iterator

import numpy as np

from sepzoo.records.preprocessing import Preprocessing

MEMORY_BUDGET = 2**30
"""Bytes of decoded pixels that a source may keep in memory; larger sets are read anew in every epoch."""

WHOLE = Preprocessing(crop_fraction=1.0)
"""The whole short side, bilinear: how a source resizes when nobody says otherwise."""

Batch = tuple[np.ndarray, np.ndarray]


class Source(abc.ABC):
    """Labelled uint8 images of one size, or what else `what` says, read by their numbers 0 … len - 1.

    Attributes:
        name: what it is and which split, as shown beside every accuracy, e.g. `"digits test"`.
        what: images, or clips of sound, which `sepzoo.data.sounds.SoundSource` holds.
        class_names: one name a class; a label is the place in it.
        image_size: (height, width) in pixels.
        channels: 1 (grey) or 3 (red, green, blue).
        values: float32 of shape (len, values) where images have values, or labels that do not exclude one another; then
            `class_names` names the columns, and a label is the number of a row. None for classes.
    """

    name: str
    what: str = "images"
    class_names: tuple[str, ...]
    image_size: tuple[int, int]
    channels: int
    values: np.ndarray | None = None

    @property
    @abc.abstractmethod
    def labels(self) -> np.ndarray:
        """The class number of every image, int64 of shape (len,)."""

    @abc.abstractmethod
    def images(self, indices: np.ndarray) -> np.ndarray:
        """Return the images of these numbers, in this order: uint8 of shape (n, height, width, channels)."""

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield (images, labels) in the order of their numbers; the last batch may be smaller."""
        return self._read(np.arange(len(self)), batch_size)

    def shuffled(self, batch_size: int, *, seed: int, epoch: int) -> Iterator[Batch]:
        """Yield all images once in an order that `seed` and `epoch` alone decide; the last batch may be smaller."""
        return self._read(self.order(seed=seed, epoch=epoch), batch_size)

    def order(self, *, seed: int, epoch: int) -> np.ndarray:
        """Return the numbers of all images as `shuffled` yields them, but for a source that is streamed."""
        return np.random.default_rng([seed, epoch]).permutation(len(self))

    def _read(self, order: np.ndarray, batch_size: int) -> Iterator[Batch]:
        for start in range(0, len(order), batch_size):
            indices = order[start : start + batch_size]
            yield self.images(indices), self.labels[indices]
