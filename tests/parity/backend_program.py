"""Run every family's small member on the Keras backend of this process and write down what comes out.

`KERAS_BACKEND=jax JAX_ENABLE_X64=1 python -m tests.parity.backend_program FOLDER`
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

Loss = Callable[[Any], Any]
Found = tuple[Any, Any, Any]  # all that is not trained, after a pass in training; outputs and gradients in inference


def _randomize(model: keras.Model) -> None:
    """Give each weight values that hang on its place alone."""
    generator = np.random.default_rng(0)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) > 1 and not variable.path.endswith("alpha"):
            fan_in = np.prod(shape[:2]) if "depthwise" in variable.path else np.prod(shape[:-1])
            variable.assign(generator.normal(0.0, np.sqrt(2.0 / fan_in), shape))
        else:
            variable.assign(generator.uniform(0.5, 1.5, shape) - 0.9 * ("beta" in variable.path))


def _tensorflow(model: keras.Model, loss: Loss, x: np.ndarray) -> Found:
    import tensorflow as tf

    model(x, training=True)
    with tf.GradientTape() as tape:
        output = model(x, training=False)
        value = loss(output)
    gradients = tape.gradient(value, [variable.value for variable in model.trainable_variables])
    return model.non_trainable_variables, output, gradients


def _torch(model: keras.Model, loss: Loss, x: np.ndarray) -> Found:
    model(x, training=True)
    output = model(x, training=False)
    loss(output).backward()
    return model.non_trainable_variables, output, [variable.value.grad for variable in model.trainable_variables]


def _jax(model: keras.Model, loss: Loss, x: np.ndarray) -> Found:
    import jax

    def trained(trainable: list[Any], fixed: list[Any]) -> Any:
        return model.stateless_call(trainable, fixed, x, training=True)[1]

    def value(trainable: list[Any], fixed: list[Any]) -> Any:
        output = model.stateless_call(trainable, fixed, x, training=False)[0]
        return loss(output), output

    trainable, fixed = (
        [variable.value for variable in part] for part in (model.trainable_variables, model.non_trainable_variables)
    )
    fixed = jax.jit(trained)(trainable, fixed)
    gradients, output = jax.jit(jax.grad(value, has_aux=True))(trainable, fixed)
    return fixed, output, gradients


RUN = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def results(family: str) -> dict[str, np.ndarray]:
    """Return moving statistics after one pass in training, outputs in inference, and gradients."""
    name, arguments = SMALL[family]
    model = build(name, **arguments, batch_norm_momentum=0.5)
    _randomize(model)
    generator = np.random.default_rng(1)
    x = generator.uniform(-1, 1, (8, *model.input_shape[1:]))
    weights = keras.ops.convert_to_tensor(generator.normal(size=(8, 5)))
    fixed, output, gradients = RUN[keras.backend.backend()](model, lambda y: keras.ops.sum(y * weights), x)
    found = {"output": output}
    found |= {f"gradient {v.path}": g for v, g in zip(model.trainable_variables, gradients, strict=True)}
    found |= {v.path: f for v, f in zip(model.non_trainable_variables, fixed, strict=True) if "moving" in v.path}
    return {key: keras.ops.convert_to_numpy(value) for key, value in found.items()}


if __name__ == "__main__":
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    for member in SMALL:
        np.savez(Path(sys.argv[1]) / f"{member}.npz", **results(member))
