"""Times of things that take turns, so that what else the machine does strikes all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Figure = TypeVar("Figure")


def in_turns(runs: Sequence[Callable[[], Figure]], count: int) -> list[tuple[Figure, ...]]:
    """Return for each thing what it gave in so many turns."""
    return list(zip(*[[run() for run in runs] for _ in range(count)], strict=True))


def spread(series: Sequence[float], digits: int) -> str:
    """Return the median and the quartiles, such as `1.2 (1.1 … 1.4)`."""
    low, middle, high = statistics.quantiles(series, n=4)
    return f"{middle:.{digits}f} ({low:.{digits}f} … {high:.{digits}f})"


def ratio(series: Sequence[float], others: Sequence[float]) -> float:
    """Return the median ratio of two that were measured in the same turn."""
    return statistics.median(one / other for one, other in zip(series, others, strict=True))


def training_step(layer: Any, x: Any, variables: Sequence[Any]) -> Callable[[], float]:
    """Return a function that computes a layer's output and gradients, its own too, and gives the milliseconds."""
    import tensorflow as tf

    @tf.function
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) ** 2)
        return tape.gradient(loss, [x, *[variable.value for variable in variables]])

    def timed() -> float:
        start = time.perf_counter()
        gradients()[0].numpy()
        return 1e3 * (time.perf_counter() - start)

    timed()  # which builds the graph
    return timed
