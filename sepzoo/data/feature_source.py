"""Labelled arrays of features or series, in memory, as training takes them."""

from __future__ import annotations

import numpy as np

from sepzoo.data.class_names import check_class_names
from sepzoo.data.source import Source
from sepzoo.support.errors import SepzooError


class FeatureSource(Source):
    """Labelled samples of one shape: `images` returns float32 (n, *shape).

    Args:
        features: of any numbers, (n, *shape).
        labels: the class number of each.
        class_names: one name a class, at least two.
        name: shown beside every accuracy.

    Raises:
        SepzooError: labels that do not go with the features or the names.

    Example:
        >>> source = FeatureSource(np.zeros((3, 20, 2)), np.array([0, 1, 1]), ("up", "down"), name="arrays")
        >>> len(source), source.images(np.array([2])).shape
        (3, (1, 20, 2))
    """

    what = "samples"

    def __init__(self, features: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...], *, name: str) -> None:
        classes = len(class_names)
        if labels.shape != features.shape[:1] or classes < 2 or labels.min() < 0 or labels.max() >= classes:
            raise SepzooError(
                f"{name}: expected two classes or more, and one of them for each sample. Received: {classes} classes, "
                f"{len(labels)} labels for {len(features)} samples."
            )
        self.features = features.astype(np.float32)
        self.class_names = check_class_names(class_names, name)
        self.name = name
        self._labels = labels.astype(np.int64)

    @property
    def labels(self) -> np.ndarray:
        """The class number of every sample."""
        return self._labels

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Return the samples of these numbers."""
        return self.features[indices]
