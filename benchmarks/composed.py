"""Training speed of a sum of separable products: step by step against one dense convolution with the same values.

`python benchmarks/composed.py` prints, for each case and order, milliseconds for the output and all gradients: the
median and the quartiles of seven runs that take turns, their ratio, and which of both `accelerate` chooses.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from sepzoo.layers import FactorizedConv2D, factorized
from sepzoo.layers.composed import composing_pays
from sepzoo.layers.factorization import separable

SHAPES = ((32, 16), (32, 32), (16, 64), (16, 128), (8, 256))  # size, channels in and out
TERMS = (1, 2, 3, 4, 6, 9)
BATCH, RUNS = 64, 7


def step(layer: keras.layers.Layer, x: tf.Tensor, *, composed: bool) -> Callable[[], float]:
    """Return a function that runs one training step and gives its milliseconds."""

    @tf.function
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) ** 2)
        return tape.gradient(loss, [x, *[variable.value for variable in layer.trainable_variables]])

    def timed() -> float:
        start = time.perf_counter()
        gradients()[0].numpy()
        return 1e3 * (time.perf_counter() - start)

    with mock.patch.object(factorized, "composing_pays", return_value=composed):
        timed()
    return timed


def main() -> None:
    """Print the table."""
    print(f"{'size channels terms order':28}{'steps, ms':>24}{'composed, ms':>24}{'ratio':>8}  chosen")
    for (size, channels), terms, order in [(s, t, o) for s in SHAPES for t in TERMS for o in ("dw_pw", "pw_dw")]:
        x = tf.constant(np.random.default_rng(0).normal(size=(BATCH, size, size, channels)).astype("float32"))
        layer = FactorizedConv2D(separable(terms=terms, order=order), channels, 3, padding="same")
        layer.build(x.shape)
        runs = [step(layer, x, composed=composed) for composed in (False, True)]
        times = list(zip(*[[run() for run in runs] for _ in range(RUNS)], strict=True))
        quartiles = [statistics.quantiles(series, n=4) for series in times]
        cells = [f"{middle:.1f} ({low:.1f} … {high:.1f})" for low, middle, high in quartiles]
        ratio = statistics.median(steps / one for steps, one in zip(*times, strict=True))
        chosen = "composed" if composing_pays(order, terms, channels, 9) else "steps"
        print(
            f"{f'{size} {channels} {terms} {order}':28}{cells[0]:>24}{cells[1]:>24}{ratio:>8.1f}  {chosen}", flush=True
        )


if __name__ == "__main__":
    main()
