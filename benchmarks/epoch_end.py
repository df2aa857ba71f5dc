"""How long Keras's `fit` waits at the end of an epoch on TensorFlow, for a thread that tunes the data set.

`python benchmarks/epoch_end.py` trains one network for epochs of 50 batches from a generator, as Keras feeds it and as
`sepzoo train` does, in turns: the fastest, the median and the slowest epoch, in seconds.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
from timing import in_turns

from sepzoo.applications import build
from sepzoo.surgery import accelerate
from sepzoo.training.feeding import data_set

NAME, BATCH, STEPS, TURNS = "cifar_mobilenetv1_w1d4", 128, 50, 9


def seconds(model: keras.Model, fed: Callable[[], object]) -> float:
    """Train for an epoch."""
    start = time.perf_counter()
    model.fit(fed(), steps_per_epoch=STEPS, verbose=0)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    model, _report = accelerate(build(NAME, classifier_activation=None))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
    random = np.random.default_rng(0)
    batch = random.uniform(0, 1, (BATCH, *model.input_shape[1:])).astype("float32"), random.integers(0, 10, BATCH)

    def batches() -> Iterator[tuple[np.ndarray, ...]]:
        return (batch for _ in range(STEPS))

    sides = {"a generator, as Keras feeds it": batches, "sepzoo's data set": lambda: data_set(batches)}
    runs = [functools.partial(seconds, model, fed) for fed in sides.values()]
    for run in runs:
        run()
    print(f"{f'an epoch of {STEPS} batches, seconds':34}{'fastest':>9}{'median':>9}{'slowest':>9}")
    for name, series in zip(sides, in_turns(runs, TURNS), strict=True):
        print(f"{name:34}{min(series):>9.2f}{statistics.median(series):>9.2f}{max(series):>9.2f}")


if __name__ == "__main__":
    main()
