"""How long one image takes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping

import numpy as np

from sepzoo.inference.classifier import Classifier
from sepzoo.support.types import Arrays

_WARM_UP = 3


@dataclasses.dataclass(frozen=True)
class Latency:
    """Time of one image through the network, without decoding and resizing.

    Attributes:
        median_ms: milliseconds.
        low_ms, high_ms: the quartiles.
        runs: how many were timed.

    Example:
        >>> print(Latency(median_ms=1.52, low_ms=1.5, high_ms=1.61, runs=30))
        1.52 ms (1.50 … 1.61, 30 runs)
    """

    median_ms: float
    low_ms: float
    high_ms: float
    runs: int

    def __str__(self) -> str:
        return f"{self.median_ms:.2f} ms ({self.low_ms:.2f} … {self.high_ms:.2f}, {self.runs} runs)"


def measure(classifier: Classifier, image: Arrays, *, runs: int = 30) -> Latency:
    """Time `runs` runs of one sample, after three that are not counted.

    Args:
        classifier: the network.
        image: pixels as uint8 of the input's shape, or features of that shape; of several inputs a dictionary of these.
        runs: how many are timed.
    """
    several = isinstance(image, Mapping)
    one = {name: each[None] for name, each in image.items()} if several else image[None]
    return measure_tensor(classifier, classifier.tensor(one), runs=runs)


def measure_tensor(classifier: Classifier, tensor: Arrays, *, runs: int = 30) -> Latency:
    """Time `runs` runs of one sample in the form that the network takes, after three that are not counted."""
    times = []
    for _ in range(_WARM_UP + runs):
        start = time.perf_counter()
        classifier.run(tensor)
        times.append(1000 * (time.perf_counter() - start))
    low, median, high = np.percentile(times[_WARM_UP:], (25, 50, 75))
    return Latency(float(median), float(low), float(high), runs)
