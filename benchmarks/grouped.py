"""Training speed of a grouped 3 x 3 convolution: Keras's own against ours, which takes it apart.

`python benchmarks/grouped.py` prints, for each case, milliseconds for the output and both gradients: the median and the
quartiles of five runs that take turns, and their ratio.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from sepzoo.layers.grouped import GroupedConv2D

CASES = ((32, 32, 64, 4), (32, 16, 128, 8), (32, 16, 128, 32), (32, 8, 256, 64))  # batch, size, channels, groups
RUNS = 5


def step(layer: keras.layers.Layer, x: tf.Tensor) -> Callable[[], float]:
    """Return a function that runs one training step and gives its milliseconds."""

    @tf.function
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(loss, [x, layer.kernel.value])

    def timed() -> float:
        start = time.perf_counter()
        gradients()[0].numpy()
        return 1e3 * (time.perf_counter() - start)

    timed()
    return timed


def main() -> None:
    """Print the table."""
    print(f"{'batch size channels groups':28}{'Keras, ms':>24}{'ours, ms':>24}{'ratio':>8}")
    for batch, size, channels, groups in CASES:
        x = tf.constant(np.random.default_rng(0).normal(size=(batch, size, size, channels)).astype("float32"))
        layers = [cls(channels, 3, groups=groups, padding="same") for cls in (keras.layers.Conv2D, GroupedConv2D)]
        steps = [step(layer, x) for layer in layers]
        times = list(zip(*[[run() for run in steps] for _ in range(RUNS)], strict=True))
        cells = [
            f"{q[1]:.1f} ({q[0]:.1f} … {q[2]:.1f})" for q in (statistics.quantiles(series, n=4) for series in times)
        ]
        ratio = statistics.median(stock / ours for stock, ours in zip(*times, strict=True))
        print(f"{f'{batch} {size} {channels} {groups}':28}{cells[0]:>24}{cells[1]:>24}{ratio:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
