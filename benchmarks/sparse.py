"""What TFLite's sparse format is worth: bytes, and times beside the dense file of the same weights in turns.

`python benchmarks/sparse.py [NAME]` takes the least weights of each convolution and dense layer that isn't depthwise
for zeros. Both files are the converter's; times are of one thread's processor, on noise; `ratio` is that of a sparse
file to its dense one.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from networks import calibrated
from timing import in_turns, ratio, spread

from sepzoo import applications
from sepzoo.export.formats import tflite_converter
from sepzoo.export.preparation import deployable
from sepzoo.inference.keras_model import from_model
from sepzoo.support.table import table

SHARES = (("float32", 0.7), ("float32", 0.9), ("float32", 0.95), ("int8", 0.5), ("int8", 0.9))
TURNS, IMAGES = 101, 10


def with_zeros(model: keras.Model, share: float) -> keras.Model:
    """Return a copy in which so much of each kernel is zero."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy.layers:
        if type(layer) in (keras.layers.Conv2D, keras.layers.Dense):
            kernel, *others = layer.get_weights()
            layer.set_weights([np.where(np.abs(kernel) <= np.quantile(np.abs(kernel), share), 0, kernel), *others])
    return copy


def converted(saved: Path, shape: tuple[int, ...], kind: str, *, sparse: bool) -> bytes:
    """Return the bytes of a file."""

    def noise() -> Iterator[list[np.ndarray]]:
        random = np.random.default_rng(0)
        for _ in range(20):
            yield [random.uniform(-1, 1, (1, *shape)).astype("float32")]

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY] * sparse
    if kind == "int8":
        converter.optimizations += [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = noise
    return bytes(converter.convert())


def milliseconds(interpreter: Interpreter) -> float:
    """Return the time of the processor for one image, the mean of some."""
    start = time.thread_time()
    for _ in range(IMAGES):
        interpreter.invoke()
    return 1e3 * (time.thread_time() - start) / IMAGES


def main() -> None:
    """Print the table."""
    name, settings = (sys.argv[1], {}) if sys.argv[1:] else ("mobilenet_v1", {"alpha": 0.5, "input_shape": (96, 96, 3)})
    network = deployable(from_model(calibrated(applications.build(name, **settings))))
    rows = []
    for kind, share in SHARES:
        with tempfile.TemporaryDirectory() as folder:
            tflite_converter.save(with_zeros(network, share), Path(folder, "saved"))
            shape = network.input_shape[1:]
            files = [converted(Path(folder, "saved"), shape, kind, sparse=sparse) for sparse in (False, True)]
        interpreters = [Interpreter(model_content=content, num_threads=1) for content in files]
        for interpreter in interpreters:
            interpreter.allocate_tensors()
        dense, sparse = in_turns([functools.partial(milliseconds, each) for each in interpreters], TURNS)
        sizes = [f"{len(content) / 1024:,.0f}" for content in files]
        rows.append([f"{kind}, {share}", *sizes, spread(dense, 2), spread(sparse, 2), f"{ratio(sparse, dense):.2f}"])
    print(table(["type, zeros", "KiB", "sparse", "ms", "sparse", "ratio"], rows, left=1))


if __name__ == "__main__":
    main()
