"""Training speed with and without `surgery.accelerate`, in images a second.

`python benchmarks/accelerate.py [NAME …]` trains each network on noise, batch 128, float32, with built-in layers and
accelerated in turns of 30 steps: the median and the quartiles of the turns, and the median ratio of two that followed
each other.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from gpu_sides import LEARNING_RATE, MOMENTUM
from timing import in_turns, ratio, spread

if TYPE_CHECKING:
    import keras

NAMES = ("cifar_mobilenetv1_w1d4", "cifar_mobilenetv1_w1d4_bsconvu")
BATCH, STEPS, TURNS = 128, 30, 7


def images_per_second(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Train for some steps, fed as `sepzoo train` feeds: with arrays Keras may wait at the end (see `epoch_end.py`)."""
    from sepzoo.training.devices import Devices

    batches = Devices().fed(lambda: ((x[at : at + BATCH], y[at : at + BATCH]) for at in range(0, len(x), BATCH)))
    start = time.perf_counter()
    model.fit(batches, steps_per_epoch=len(x) // BATCH, epochs=1, verbose=0)
    return len(x) / (time.perf_counter() - start)


def trainer(model: keras.Model) -> Callable[[], float]:
    """Return what trains a network for some steps on noise and gives images a second."""
    import keras

    generator = np.random.default_rng(0)
    x = generator.uniform(0, 1, (BATCH * STEPS, *model.input_shape[1:])).astype("float32")
    y = generator.integers(0, model.output_shape[-1], len(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM), loss)
    return functools.partial(images_per_second, model, x, y)


def main() -> None:
    """Print the table."""
    from sepzoo.applications import build
    from sepzoo.surgery import accelerate, to_keras

    print(f"{'network':34}{'built-in':>22}{'accelerated':>22}{'ratio':>8}")
    for name in sys.argv[1:] or NAMES:
        builtin, _report = to_keras(build(name, classifier_activation=None))
        runs = [trainer(model) for model in (builtin, accelerate(builtin)[0])]
        for run in runs:
            run()  # which builds the graph
        slow, fast = in_turns(runs, TURNS)
        print(f"{name:34}{spread(slow, 0):>22}{spread(fast, 0):>22}{ratio(fast, slow):>8.2f}", flush=True)


if __name__ == "__main__":
    main()
