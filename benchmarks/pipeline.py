"""Images a second that the input pipeline makes, beside what networks take in training on the same cores.

`python benchmarks/pipeline.py [NAME ...]` needs CIFAR-10, where `TFDS_DATA_DIR` says. Batches of 128 are read,
shuffled, shifted by up to four pixels, mirrored and normalized, and nothing else; each network trains on one batch that
is there already. All take turns, and what is printed is the median with the quartiles, and how many times as fast as
each network the pipeline is.
"""

from __future__ import annotations

import functools
import itertools
import sys
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
from timing import in_turns, ratio, spread

from sepzoo.applications import build
from sepzoo.data.augment import Augmentation
from sepzoo.data.opening import open_source
from sepzoo.data.source import WHOLE
from sepzoo.surgery import accelerate
from sepzoo.training.batches import training_batches

NAMES = ("cifar_darknet_reference_separable", "cifar_mobilenetv3_small_w7d20", "cifar_mobilenetv1_w1d4")
BATCH, STEPS, READ, TURNS = 128, 8, 100, 7


def endless_batches() -> Iterator[tuple[np.ndarray, ...]]:
    """Yield epoch after epoch, as a run of the recipe `cifar10_short` sees them."""
    source = open_source("cifar10", split="train", image_size=(32, 32), channels=3)
    change = Augmentation(padding=4, flip=True)
    for epoch in itertools.count():
        yield from training_batches(source, WHOLE, change, size=(32, 32), batch_size=BATCH, seed=0, epoch=epoch)


def read(batches: Iterator[tuple[np.ndarray, ...]]) -> float:
    """Take some batches, and return the images a second."""
    start = time.perf_counter()
    count = sum(len(images) for images, _ in itertools.islice(batches, READ))
    return count / (time.perf_counter() - start)


def training(name: str) -> Callable[[], float]:
    """Return a function that trains a network for some steps and gives the images a second."""
    model = accelerate(build(name, classifier_activation=None))[0]
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    x = np.random.default_rng(0).uniform(0, 1, (BATCH, *model.input_shape[1:])).astype("float32")
    y = np.zeros(BATCH, "int64")

    def timed() -> float:
        start = time.perf_counter()
        for _ in range(STEPS):
            model.train_on_batch(x, y)
        return STEPS * BATCH / (time.perf_counter() - start)

    timed()
    return timed


def main() -> None:
    """Print the table."""
    names = sys.argv[1:] or NAMES
    pipeline, *networks = in_turns(
        [functools.partial(read, endless_batches()), *(training(name) for name in names)], TURNS
    )
    print(f"{'':36}{'images a second':>26}{'pipeline':>12}")
    print(f"{'the pipeline alone':36}{spread(pipeline, 0):>26}")
    for name, series in zip(names, networks, strict=True):
        print(f"{name:36}{spread(series, 0):>26}{ratio(pipeline, series):>10.1f} x")


if __name__ == "__main__":
    main()
