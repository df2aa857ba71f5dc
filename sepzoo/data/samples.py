"""A few images drawn from a data set, for calibrating and checking exported files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing

from sepzoo.data.source import Source
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Arrays

UNDIVIDED = "Pass them as they are, not divided by 255: the network normalizes them by itself."


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Images that were drawn by chance, and from where.

    Attributes:
        images: uint8 of shape (n, height, width, channels), values 0..255, not yet normalized; or features (n, ...). Of
            a network of several inputs a dictionary of such arrays, by the inputs' names.
        labels: class numbers of shape (n,), or None where nobody knows them.
        origin: the data set and split, as a report shows it.
        seed: what decided the draw.
        matched: how the labels were found among a network's classes, "by name" or "by number"; None where they are its
            own numbers.
        class_names: of the data's classes, by whose numbers the labels are; None where they are the network's own.

    Raises:
        SepzooError: no arrays, or arrays of different lengths.
    """

    images: Arrays
    labels: np.ndarray | None
    origin: str
    seed: int
    matched: str | None = None
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        images = self.images
        arrays = dict(images) if isinstance(images, Mapping) else {"images": images}
        if self.labels is not None:
            arrays["labels"] = self.labels
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray) or not array.ndim:
                raise SepzooError(
                    f"{self.origin}: expected {name} as a NumPy array, (n, ...). Received: {type(array).__name__}. "
                    "Pass numpy.asarray of it."
                )
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            received = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise SepzooError(f"{self.origin}: expected arrays of one length. Received: {received}.")

    def __len__(self) -> int:
        return len(next(iter(self.images.values())) if isinstance(self.images, Mapping) else self.images)

    def taken(self, chosen: np.ndarray | slice, *, seed: int | None = None) -> Samples:
        """Return the samples of these numbers; with `seed`, which decided them.

        Example:
            >>> samples = Samples({"age": np.arange(3), "weight": np.arange(3) * 2}, None, origin="arrays", seed=0)
            >>> samples.taken(np.array([2, 0])).images["weight"].tolist()
            [4, 0]
        """
        several = isinstance(self.images, Mapping)
        images = {name: each[chosen] for name, each in self.images.items()} if several else self.images[chosen]
        labels = None if self.labels is None else self.labels[chosen]
        return dataclasses.replace(self, images=images, labels=labels, seed=self.seed if seed is None else seed)


def holds_numbers(dtype: np.typing.DTypeLike) -> bool:
    """Return whether arrays of a type hold what a network takes: real numbers, or truth values, as masks do.

    Example:
        >>> holds_numbers("bool"), holds_numbers("float32"), holds_numbers("complex64"), holds_numbers("U4")
        (True, True, False, False)
    """
    return np.dtype(dtype).kind in "biuf"


def require_samples(given: object, purpose: str) -> Samples:
    """Return what was given for a purpose.

    Raises:
        SepzooError: it is something else than samples, there are none, or they hold what is no finite real number.

    Example:
        >>> len(require_samples(Samples(np.zeros((2, 8, 8, 3), "uint8"), None, origin="noise", seed=0), "calibrate"))
        2
    """
    if not isinstance(given, Samples):
        raise SepzooError(
            f"expected samples to {purpose} on as sepzoo.data.Samples. Received: {type(given).__name__}. Wrap an array "
            "of uint8 pixels: Samples(pixels, None, origin='my photographs', seed=0)."
        )
    if not len(given):
        raise SepzooError(f"expected at least one sample to {purpose} on. Received: none of {given.origin}.")
    for array in given.images.values() if isinstance(given.images, Mapping) else (given.images,):
        if np.issubdtype(array.dtype, np.complexfloating):
            raise SepzooError(f"{given.origin}: expected real numbers to {purpose} on. Received: {array.dtype}.")
        if np.issubdtype(array.dtype, np.floating):
            bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
            if bad.any():
                raise SepzooError(
                    f"{given.origin}: expected finite samples to {purpose} on. Received: NaN or infinite values in "
                    f"{bad.sum()} of {len(array)}. Take them out."
                )
    return given


def require_pixel_range(images: np.ndarray, origin: str) -> None:
    """See that images of 8 bits, which a network normalizes itself, weren't divided by 255 before they were cast.

    One image alone may be black.

    Raises:
        SepzooError: they were.

    Example:
        >>> require_pixel_range(np.array([[0, 1], [1, 0]], "uint8"), "here")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: here: expected pixels of 0 … 255. Received: uint8 of 0 … 1 in all 2 images. ...
    """
    if images.dtype == np.uint8 and len(images) > 1 and images.size and images.max() <= 1:
        raise SepzooError(
            f"{origin}: expected pixels of 0 … 255. Received: uint8 of {images.min()} … {images.max()} in all "
            f"{len(images)} images. {UNDIVIDED}"
        )


def draw_samples(source: Source, count: int, seed: int = 0) -> Samples:
    """Draw `count` different images, or all where the source has fewer; images that have values bear no labels.

    Raises:
        SepzooError: `count` is below 1.

    Example:
        >>> from sepzoo.data import open_source
        >>> samples = draw_samples(open_source("digits", split="train"), count=100)
        >>> len(samples), samples.origin
        (100, 'digits train')
    """
    if count < 1:
        raise SepzooError(f"expected at least 1 sample. Received: count={count}.")
    indices = np.random.default_rng(seed).permutation(len(source))[:count]
    labels = source.labels[indices] if source.values is None else None
    return Samples(source.images(indices), labels, origin=source.name, seed=seed)
