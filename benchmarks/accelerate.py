"""Training speed with and without `surgery.accelerate`, in images a second.

`python benchmarks/accelerate.py [NAME …]` trains each network on noise, batch 128, float32, with built-in layers and
accelerated in turns of 30 steps: the median and the quartiles of the turns, and the median ratio of two that followed
each other.
"""

from __future__ import annotations

import functools
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
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


def main() -> None:
    """Print the table."""
    import keras

    from sepzoo.applications import build
    from sepzoo.surgery import accelerate, to_keras

    generator = np.random.default_rng(0)
    print(f"{'network':34}{'built-in':>22}{'accelerated':>22}{'ratio':>8}")
    for name in sys.argv[1:] or NAMES:
        builtin, _report = to_keras(build(name, classifier_activation=None))
        models = builtin, accelerate(builtin)[0]
        x = generator.uniform(0, 1, (BATCH * STEPS, *builtin.input_shape[1:])).astype("float32")
        y = generator.integers(0, builtin.output_shape[-1], len(x))
        for model in models:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
            images_per_second(model, x, y)
        slow, fast = in_turns([functools.partial(images_per_second, model, x, y) for model in models], TURNS)
        print(f"{name:34}{spread(slow, 0):>22}{spread(fast, 0):>22}{ratio(fast, slow):>8.2f}", flush=True)


if __name__ == "__main__":
    main()
