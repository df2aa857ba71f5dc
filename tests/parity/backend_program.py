"""Run every family's small member on the Keras backend of this process and write down what comes out.

`KERAS_BACKEND=jax python -m tests.parity.backend_program FOLDER`
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sepzoo.applications import build
from tests.small import SMALL

Arrays = dict[str, np.ndarray]


def _randomize(model: keras.Model) -> None:
    """Give each weight values that hang on its place alone."""
    generator = np.random.default_rng(0)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) > 1 and not variable.path.endswith("alpha"):
            fan_in = np.prod(shape[:2]) if "depthwise" in variable.path else np.prod(shape[:-1])
            variable.assign(generator.normal(0.0, np.sqrt(2.0 / fan_in), shape).astype("float32"))
        else:
            variable.assign(generator.uniform(0.5, 1.5, shape).astype("float32") - 0.9 * ("beta" in variable.path))


def _tensorflow(model: keras.Model, loss: Callable[[Any], Any], x: np.ndarray) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss(model(x, training=False))
    return tape.gradient(value, [variable.value for variable in model.trainable_variables])


def _jax(model: keras.Model, loss: Callable[[Any], Any], x: np.ndarray) -> list[Any]:
    import jax

    def value(trainable: list[Any], fixed: list[Any]) -> Any:
        return loss(model.stateless_call(trainable, fixed, x, training=False)[0])

    parts = model.trainable_variables, model.non_trainable_variables
    return jax.jit(jax.grad(value))(*[[variable.value for variable in part] for part in parts])


def _torch(model: keras.Model, loss: Callable[[Any], Any], x: np.ndarray) -> list[Any]:
    loss(model(x, training=False)).backward()
    return [variable.value.grad for variable in model.trainable_variables]


GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def results(family: str) -> Arrays:
    """Return moving statistics after one pass in training, outputs in inference, and gradients."""
    name, arguments = SMALL[family]
    model = build(name, **arguments, batch_norm_momentum=0.0)
    _randomize(model)
    generator = np.random.default_rng(1)
    x = generator.uniform(-1, 1, (4, *model.input_shape[1:])).astype("float32")
    weights = keras.ops.convert_to_tensor(generator.normal(size=(4, 5)).astype("float32"))
    model(x, training=True)
    found = {f"moving {v.path}": v for v in model.non_trainable_variables if "moving" in v.path}
    found["output"] = model(x, training=False)
    gradients = GRADIENTS[keras.backend.backend()](model, lambda y: keras.ops.sum(y * weights), x)
    found |= {f"gradient {v.path}": g for v, g in zip(model.trainable_variables, gradients, strict=True)}
    return {key: keras.ops.convert_to_numpy(value) for key, value in found.items()}


if __name__ == "__main__":
    for member in SMALL:
        np.savez(Path(sys.argv[1]) / f"{member}.npz", **results(member))
