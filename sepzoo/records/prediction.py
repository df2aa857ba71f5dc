"""The likeliest classes of an image, by name and probability."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sepzoo.support.types import ArrayLike


@dataclasses.dataclass(frozen=True)
class Prediction:
    """One class that a network proposes for an image.

    Attributes:
        label: the class's name.
        probability: 0 … 1.
        index: the class's place in the network's output.
    """

    label: str
    probability: float
    index: int


def likeliest(probabilities: ArrayLike, labels: Sequence[str], count: int) -> list[list[Prediction]]:
    """Return for each row of probabilities (images, classes) its `count` likeliest classes, best first.

    Example:
        >>> import numpy as np
        >>> likeliest(np.array([[0.1, 0.7, 0.2]]), ["ant", "bee", "cat"], count=1)
        [[Prediction(label='bee', probability=0.7, index=1)]]
    """
    return [
        [Prediction(labels[index], float(row[index]), int(index)) for index in order]
        for row, order in zip(probabilities, (-probabilities).argsort(axis=1, kind="stable")[:, :count], strict=True)
    ]
