"""Run by the tests in a process of its own, which has Keras 2 alone: writes files, inputs and Keras 2's outputs.

python -m tests.parity.keras2_program FOLDER
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras

from tests.parity.keras2_cases import LAYERS, Case
from tests.parity.keras2_graphs import GRAPHS, NO_ARCHIVE, REFUSED
from tests.parity.keras2_tables import UNSAVED


def inputs(case: Case, generator: np.random.Generator) -> list[np.ndarray]:
    shapes = [(3, *shape) for shape in case.shapes]
    if case.words:
        return [generator.choice(case.words, shape) for shape in shapes]
    if case.integers:
        return [generator.integers(0, case.integers, shape) for shape in shapes]
    return [generator.normal(size=shape).astype("float32") for shape in shapes]


def weights(weight: tf_keras.Variable, generator: np.random.Generator) -> np.ndarray:
    if weight.dtype.is_integer or weight.name.startswith(("summary", "Variable")):  # tables that stay as they are
        return np.asarray(weight)
    positive = "variance" in weight.name or "stddev" in weight.name
    return generator.uniform(0.5, 1.5, weight.shape) if positive else generator.normal(scale=0.5, size=weight.shape)


def write(folder: Path, name: str, case: Case, generator: np.random.Generator) -> None:
    tf_keras.backend.clear_session()
    model = case.build(tf_keras)
    model.set_weights([weights(weight, generator) for weight in model.weights])
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    arrays = inputs(case, generator)
    given = dict(zip(sorted(model.input), arrays, strict=True)) if isinstance(model.input, dict) else arrays
    outputs = model(given if len(arrays) > 1 else arrays[0], training=False)
    model.save(folder / f"{name}.h5")
    if name not in NO_ARCHIVE:
        model.save(folder / f"{name}.keras")
    flat = [np.asarray(tf.cast(each, "float32")) for each in tf.nest.flatten(outputs)]
    counter = itertools.count()
    structure = tf.nest.map_structure(lambda _: next(counter), outputs)
    (folder / f"{name}.json").write_text(json.dumps(structure))
    np.savez(folder / f"{name}.npz", *flat, **{f"input_{number}": array for number, array in enumerate(arrays)})


def main(folder: Path) -> None:
    generator = np.random.default_rng(5)
    for name, case in {**LAYERS, **GRAPHS}.items():
        write(folder, name, case, generator)
    for name, case in REFUSED.items():
        tf_keras.backend.clear_session()
        suffix = ".keras" if name in UNSAVED else ".h5"
        case.build(tf_keras).save(folder / f"refused_{name}{suffix}")
    found: dict[int, str] = {}
    for name in sorted(dir(tf_keras.layers), key=len, reverse=True):  # the longest of a class's names is its own
        item = getattr(tf_keras.layers, name)
        if isinstance(item, type) and issubclass(item, tf_keras.layers.Layer):
            found.setdefault(id(item), item.__name__)
    (folder / "layers.json").write_text(json.dumps(sorted(found.values())))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
