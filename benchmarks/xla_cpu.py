"""A batch on the CPU by TensorFlow, by a SavedModel that XLA compiles, and by one that is written for processors.

`python benchmarks/xla_cpu.py [NAME ...]` prints milliseconds of a batch of 32, median and quartiles of seven turns, and
the ratio of the fastest turn of `xla` to that of `xla:cpu`. Without names: MobileNetV1 of width 0.25 at 96 x 96, and
the pair of CIFAR networks.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from networks import calibrated
from timing import in_turns, spread

from sepzoo import applications, export

NAMES = ("mobilenet_v1", "cifar_mobilenetv1_w1d4", "cifar_mobilenetv1_w1d4_bsconvu")
SETTINGS = {"mobilenet_v1": {"alpha": 0.25, "input_shape": (96, 96, 3)}}
BATCH, TURNS = 32, 7


def timed(function: Callable[[Any], Any], x: Any) -> Callable[[], float]:
    """Return a function that runs another on a batch and gives the milliseconds."""

    def run() -> float:
        start = time.perf_counter()
        for value in tf.nest.flatten(function(x)):
            value.numpy()
        return 1e3 * (time.perf_counter() - start)

    run()  # which compiles it
    return run


def main() -> None:
    """Print the table."""
    print(f"{'network':34}{'TensorFlow':>24}{'xla':>24}{'xla:cpu':>24}{'ratio':>8}")
    for name in sys.argv[1:] or NAMES:
        model = calibrated(applications.build(name, **SETTINGS.get(name, {})))
        x = tf.constant(np.random.default_rng(0).uniform(-1, 1, (BATCH, *model.input_shape[1:])).astype("float32"))
        with tempfile.TemporaryDirectory() as folder:
            paths = [export.xla(model, Path(folder, device), device=device).path for device in ("gpu", "cpu")]
            saved = [tf.saved_model.load(str(path)) for path in paths]
        functions = [tf.function(model), *(each.signatures["serving_default"] for each in saved)]
        plain, native, ours = in_turns([timed(each, x) for each in functions], TURNS)
        rows = "".join(f"{spread(series, 1):>24}" for series in (plain, native, ours))
        print(f"{name:34}{rows}{min(native) / min(ours):>8.1f}", flush=True)


if __name__ == "__main__":
    main()
