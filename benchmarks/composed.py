"""Training speed of a sum of separable products: step by step against one dense convolution with the same values.

`python benchmarks/composed.py` prints, for each case and order, milliseconds for the output and all gradients: the
median and the quartiles of seven runs that take turns, their ratio, and which of both `accelerate` chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import numpy as np
import tensorflow as tf
from timing import in_turns, ratio, spread, training_step

from sepzoo.layers import FactorizedConv2D, factorized
from sepzoo.layers.composed import composing_pays
from sepzoo.layers.factorization import separable

SHAPES = ((32, 16), (32, 32), (16, 64), (16, 128), (8, 256))  # size, channels in and out
TERMS = (1, 2, 3, 4, 6, 9)
BATCH, RUNS = 64, 7


def step(layer: FactorizedConv2D, x: tf.Tensor, *, composed: bool) -> Callable[[], float]:
    """Return `training_step` of a layer that composes its kernel, or does not."""
    with mock.patch.object(factorized, "composing_pays", return_value=composed):
        return training_step(layer, x, layer.trainable_variables)


def main() -> None:
    """Print the table."""
    print(f"{'size channels terms order':28}{'steps, ms':>24}{'composed, ms':>24}{'ratio':>8}  chosen")
    for (size, channels), terms, order in [(s, t, o) for s in SHAPES for t in TERMS for o in ("dw_pw", "pw_dw")]:
        x = tf.constant(np.random.default_rng(0).normal(size=(BATCH, size, size, channels)).astype("float32"))
        layer = FactorizedConv2D(separable(terms=terms, order=order), channels, 3, padding="same")
        layer.build(x.shape)
        steps, one = in_turns([step(layer, x, composed=composed) for composed in (False, True)], RUNS)
        chosen = "composed" if composing_pays(order, terms, channels, 9) else "steps"
        case = f"{size} {channels} {terms} {order}"
        cells = f"{spread(steps, 1):>24}{spread(one, 1):>24}{ratio(steps, one):>8.1f}"
        print(f"{case:28}{cells}  {chosen}", flush=True)


if __name__ == "__main__":
    main()
