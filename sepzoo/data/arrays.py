"""A data set that lies in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sepzoo.data.class_names import check_class_names
from sepzoo.data.source import Source
from sepzoo.support.errors import SepzooError


@dataclass(frozen=True, eq=False)
class ArraySource(Source):
    """Images and labels that are NumPy arrays.

    Args:
        pixels: uint8 of shape (n, height, width, channels), values 0..255.
        targets: class numbers 0 … classes - 1, whole numbers of shape (n,).
        class_names: one name a class, at least two.
        name: shown beside every accuracy.

    Raises:
        SepzooError: shapes, types or labels do not fit together.

    Example:
        >>> pixels = np.zeros((4, 8, 8, 3), "uint8")
        >>> source = ArraySource(pixels, np.array([0, 1, 1, 0]), ("cat", "dog"))
        >>> len(source), source.image_size, [labels.tolist() for _, labels in source.batches(3)]
        (4, (8, 8), [[0, 1, 1], [0]])
    """

    pixels: np.ndarray
    targets: np.ndarray
    class_names: tuple[str, ...]
    name: str = "arrays"
    image_size: tuple[int, int] = field(init=False)
    channels: int = field(init=False)

    def __post_init__(self) -> None:
        pixels, targets, classes = np.asarray(self.pixels), np.asarray(self.targets), len(self.class_names)
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[-1] not in (1, 3, 4):
            raise SepzooError(
                "expected images as uint8 of shape (n, height, width, 1, 3 or 4). "
                f"Received: {pixels.dtype} of shape {pixels.shape}. Scale pixels to 0..255 and cast them."
            )
        if targets.shape != pixels.shape[:1] or not np.issubdtype(targets.dtype, np.integer) or not len(targets):
            raise SepzooError(
                f"expected one whole number as label for each image. Received: labels={targets.dtype} of shape "
                f"{targets.shape} for {len(pixels)} images."
            )
        if classes < 2 or targets.min() < 0 or targets.max() >= classes:
            raise SepzooError(
                f"expected at least two classes and labels below their count. Received: {classes} class names, "
                f"labels {targets.min()} … {targets.max()}."
            )
        object.__setattr__(self, "class_names", check_class_names(self.class_names, self.name))
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "targets", targets.astype(np.int64))
        object.__setattr__(self, "image_size", pixels.shape[1:3])
        object.__setattr__(self, "channels", pixels.shape[3])

    @property
    def labels(self) -> np.ndarray:
        """The class number of every image."""
        return self.targets

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Return the images of these numbers."""
        return self.pixels[indices]
