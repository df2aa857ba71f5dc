"""Training speed with and without `surgery.accelerate`, in images a second.

`python benchmarks/accelerate.py [NAME …]` trains each network on noise, batch 128, float32, stock and accelerated in
turns of ten steps: the median and the quartiles of the turns, and the median ratio of two that followed each other.
"""

from __future__ import annotations

import statistics
import sys
import time

import keras
import numpy as np

from sepzoo.applications import build
from sepzoo.surgery import accelerate

NAMES = ("cifar_mobilenetv1_w1d4", "cifar_mobilenetv1_w1d4_bsconvu")
BATCH, STEPS, TURNS = 128, 10, 7


def images_per_second(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Train for some steps."""
    start = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
    return len(x) / (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    generator = np.random.default_rng(0)
    print(f"{'network':34}{'stock':>22}{'accelerated':>22}{'ratio':>8}")
    for name in sys.argv[1:] or NAMES:
        stock = build(name, classifier_activation=None)
        models = stock, accelerate(stock)[0]
        x = generator.uniform(0, 1, (BATCH * STEPS, *stock.input_shape[1:])).astype("float32")
        y = generator.integers(0, stock.output_shape[-1], len(x))
        for model in models:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
            images_per_second(model, x, y)
        turns = list(zip(*[[images_per_second(model, x, y) for model in models] for _ in range(TURNS)], strict=True))
        quartiles = [statistics.quantiles(series, n=4) for series in turns]
        cells = [f"{middle:.0f} ({low:.0f} … {high:.0f})" for low, middle, high in quartiles]
        ratio = statistics.median(fast / slow for slow, fast in zip(*turns, strict=True))
        print(f"{name:34}{cells[0]:>22}{cells[1]:>22}{ratio:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
