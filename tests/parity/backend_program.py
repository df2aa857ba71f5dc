"""Run every family's small member on the Keras backend of this process and write down what comes out.

`KERAS_BACKEND=jax python -m tests.parity.backend_program FOLDER`
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sepzoo.applications import build
from tests.small import SMALL

Batches = list[tuple[np.ndarray, np.ndarray]]  # images, and what each of their logits weighs in the loss
Found = tuple[list[Any], list[Any]]  # all that is not trained, after a pass in training; then each batch's gradients


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


def _tensorflow(model: keras.Model, x: np.ndarray, batches: Batches) -> Found:
    import tensorflow as tf

    def gradients(images: np.ndarray, weights: np.ndarray) -> list[Any]:
        with tf.GradientTape() as tape:
            loss = keras.ops.sum(model(images, training=False) * weights)
        return tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    model(x, training=True)
    return model.non_trainable_variables, [gradients(*batch) for batch in batches]


def _torch(model: keras.Model, x: np.ndarray, batches: Batches) -> Found:
    def gradients(images: np.ndarray, weights: np.ndarray) -> list[Any]:
        model.zero_grad()
        keras.ops.sum(model(images, training=False) * keras.ops.convert_to_tensor(weights)).backward()
        return [variable.value.grad for variable in model.trainable_variables]

    model(x, training=True)
    return model.non_trainable_variables, [gradients(*batch) for batch in batches]


def _jax(model: keras.Model, x: np.ndarray, batches: Batches) -> Found:
    import jax

    def trained(trainable: list[Any], fixed: list[Any]) -> Any:
        return model.stateless_call(trainable, fixed, x, training=True)[1]

    def loss(trainable: list[Any], fixed: list[Any], images: Any, weights: Any) -> Any:
        return keras.ops.sum(model.stateless_call(trainable, fixed, images, training=False)[0] * weights)

    trainable, fixed = (
        [variable.value for variable in part] for part in (model.trainable_variables, model.non_trainable_variables)
    )
    fixed = jax.jit(trained)(trainable, fixed)
    for variable, value in zip(model.non_trainable_variables, fixed, strict=True):
        variable.assign(value)
    gradients = jax.jit(jax.grad(loss))
    return fixed, [gradients(trainable, fixed, *batch) for batch in batches]


RUN = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def results(family: str) -> dict[str, np.ndarray]:
    """Return moving statistics after one pass in training, outputs in inference, and four batches' gradients."""
    name, arguments = SMALL[family]
    model = build(name, **arguments, batch_norm_momentum=0.5)
    _randomize(model)
    generator = np.random.default_rng(1)
    x = generator.uniform(-1, 1, (8, *model.input_shape[1:])).astype("float32")
    weights = generator.normal(size=(8, 5)).astype("float32")
    batches = list(zip(np.split(x, 4), np.split(weights, 4), strict=True))
    fixed, gradients = RUN[keras.backend.backend()](model, x, batches)
    found = {v.path: f for v, f in zip(model.non_trainable_variables, fixed, strict=True) if "moving" in v.path}
    for batch, values in enumerate(gradients):
        found |= {f"gradient {batch} {v.path}": g for v, g in zip(model.trainable_variables, values, strict=True)}
    found = {key: keras.ops.convert_to_numpy(value) for key, value in found.items()}
    return {**found, "output": model.predict(x, verbose=0)}  # last: on JAX it frees the arrays that it was given


if __name__ == "__main__":
    for member in SMALL:
        np.savez(Path(sys.argv[1]) / f"{member}.npz", **results(member))
