"""Depthwise 3 x 3 as shifted products against the backend's own, under XLA: forward, and with all gradients.

`KERAS_BACKEND=jax python benchmarks/depthwise.py` (or `tensorflow`) prints, for two shapes, the fastest of seven runs
that take turns, in milliseconds, and how many times as long the backend's own takes. With JAX on a GPU the Pallas
kernels stand beside them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from sepzoo.benchmark.turns import times_in_turns
from sepzoo.layers.grouped import on_processor
from sepzoo.layers.shifted import shifted_depthwise_conv

SHAPES = ((64, 32, 32, 64), (32, 56, 56, 128))
RUNS = 7


def native(x: Any, kernel: Any) -> Any:
    """Return the backend's own convolution."""
    return ops.depthwise_conv(x, kernel, padding="same")


def shifted(x: Any, kernel: Any) -> Any:
    """Return ours."""
    return shifted_depthwise_conv(x, kernel, padding="same")


def pallas(x: Any, kernel: Any) -> Any:
    """Return ours for GPUs."""
    from sepzoo.layers.pallas_depthwise import pallas_depthwise_conv

    return pallas_depthwise_conv(x, kernel, padding="same")


def compiled(convolve: Callable[[Any, Any], Any], x: np.ndarray, kernel: np.ndarray) -> list[Callable[[], Any]]:
    """Return two functions that XLA has compiled: the output, and both gradients of the sum of its squares."""
    if keras.backend.backend() == "jax":
        import jax

        given = jax.numpy.asarray(x), jax.numpy.asarray(kernel)
        forward = jax.jit(convolve)
        backward = jax.jit(jax.grad(lambda x, kernel: (convolve(x, kernel) ** 2).sum(), argnums=(0, 1)))
        return [lambda: forward(*given).block_until_ready(), lambda: jax.block_until_ready(backward(*given))]
    import tensorflow as tf

    tensors = tf.constant(x), tf.constant(kernel)

    @tf.function(jit_compile=True)
    def gradients(x: tf.Tensor, kernel: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            loss = tf.reduce_sum(convolve(x, kernel) ** 2)
        return tape.gradient(loss, [x, kernel])

    output = tf.function(convolve, jit_compile=True)
    return [lambda: output(*tensors).numpy(), lambda: gradients(*tensors)[1].numpy()]


def main() -> None:
    """Print the table."""
    ways = {"shifted": shifted}
    if keras.backend.backend() == "jax" and not on_processor():
        ways["pallas"] = pallas
    print(f"{keras.backend.backend():20}{'':12}{'own, ms':>10}" + "".join(f"{way:>10}{'ratio':>8}" for way in ways))
    for shape in SHAPES:
        random = np.random.default_rng(0)
        x = random.normal(size=shape).astype("float32")
        kernel = random.normal(size=(3, 3, shape[-1], 1)).astype("float32")
        both = list(zip(*[compiled(convolve, x, kernel) for convolve in (native, *ways.values())], strict=True))
        for name, runs in zip(("forward", "gradients"), both, strict=True):
            series = times_in_turns(runs, turns=RUNS, warm_up=1)  # the first compiles
            own, *others = (1e3 * min(map(min, each)) for each in series)
            cells = "".join(f"{ms:10.2f}{own / ms:8.1f}" for ms in others)
            print(f"{shape!s:20}{name:12}{own:10.2f}{cells}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
