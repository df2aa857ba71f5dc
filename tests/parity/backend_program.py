"""Run families' small members on the Keras backend of this process and write down what comes out.

`KERAS_BACKEND=jax JAX_ENABLE_X64=1 python -m tests.parity.backend_program float64 FOLDER FAMILY …`

In float32 it writes moving statistics and outputs, in float64 gradients. In float32 a sum that in its last digit lands
on the other side of a ReLU's kink changes gradients by a percent; in float64 none lands so near.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
from keras.src.backend.common import dtypes

from sepzoo.applications import build
from tests.small import SMALL

Arrays = dict[str, np.ndarray]


def _zeros(_initializer: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Stand in for random initial values, which JAX compiles a program for each shape for, longer than the networks."""
    return keras.ops.convert_to_tensor(np.zeros(shape, dtype))


def _network(family: str, **changes: Any) -> keras.Model:
    """Return a network in the precision of the moment; the values of each of its weights hang on its place alone."""
    name, arguments = SMALL[family]
    with mock.patch.object(keras.initializers.VarianceScaling, "__call__", _zeros):
        model = build(name, **{**arguments, **changes}, batch_norm_momentum=0.1)
    generator = np.random.default_rng(0)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) > 1 and not variable.path.endswith("alpha"):
            fan_in = np.prod(shape[:-2]) if "depthwise" in variable.path else np.prod(shape[:-1])
            variable.assign(generator.normal(0.0, np.sqrt(2.0 / fan_in), shape))
        else:
            variable.assign(generator.uniform(0.5, 1.5, shape) - 0.5 * ("beta" in variable.path))
    for layer in model.layers:
        getattr(layer, "finalize_state", lambda: None)()  # a Normalization keeps what it derives of its weights
    return model


def _batch(model: keras.Model, count: int) -> list[np.ndarray]:
    """Return images, and what each of their logits weighs in the loss."""
    generator = np.random.default_rng(1)
    images = generator.uniform(-1, 1, (count, *model.input_shape[1:]))
    if any(isinstance(layer, keras.layers.Rescaling) for layer in model.layers):
        images *= 255  # such a network normalizes by itself; smaller ones would all look alike to it
    weights = generator.normal(size=(count, *model.output_shape[1:]))
    return [array.astype(keras.config.floatx()) for array in (images, weights)]


def _values(variables: Any) -> list[Any]:
    return [variable.value for variable in variables]


def _train(model: keras.Model, images: np.ndarray) -> None:
    """Let the images move the moving statistics."""
    if keras.backend.backend() != "jax":
        model(images, training=True)
        return
    import jax

    fixed = jax.jit(lambda *variables: model.stateless_call(*variables, images, training=True)[1])
    moved = fixed(_values(model.trainable_variables), _values(model.non_trainable_variables))
    for variable, value in zip(model.non_trainable_variables, moved, strict=True):
        variable.assign(value)


def _tensorflow(model: keras.Model, images: np.ndarray, weights: np.ndarray) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = keras.ops.sum(model(images, training=True) * weights)
    return tape.gradient(loss, _values(model.trainable_variables))


def _torch(model: keras.Model, images: np.ndarray, weights: np.ndarray) -> list[Any]:
    keras.ops.sum(model(images, training=True) * keras.ops.convert_to_tensor(weights)).backward()
    return [value.grad for value in _values(model.trainable_variables)]


def _jax(model: keras.Model, images: np.ndarray, weights: np.ndarray) -> list[Any]:
    import jax

    def loss(trainable: list[Any], fixed: list[Any]) -> Any:
        return keras.ops.sum(model.stateless_call(trainable, fixed, images, training=True)[0] * weights)

    return jax.jit(jax.grad(loss))(_values(model.trainable_variables), _values(model.non_trainable_variables))


GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def outputs(family: str) -> Arrays:
    """Return the moving statistics after a pass in training, and what the network then says in inference."""
    model = _network(family)
    images, _weights = _batch(model, 8)
    _train(model, images)
    found = {
        variable.path: keras.ops.convert_to_numpy(variable) for variable in model.weights if "moving" in variable.path
    }
    return {**found, "output": model.predict(images, verbose=0)}  # last: on JAX it frees the arrays that it was given


def gradients(family: str) -> Arrays:
    """Return the gradients of a loss in training."""
    size = 71 if family == "xception" else 32  # its least; smaller images are quicker
    series = len(SMALL[family][1].get("input_shape", ())) == 2
    model = _network(family, **({} if series else {"input_shape": (size, size, 3)}))
    found = GRADIENTS[keras.backend.backend()](model, *_batch(model, 4))
    paths = [variable.path for variable in model.trainable_variables]
    return {path: keras.ops.convert_to_numpy(value) for path, value in zip(paths, found, strict=True)}


if __name__ == "__main__":
    precision, folder, *families = sys.argv[1:]
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # else batch normalization is in float32 but on TensorFlow
    keras.config.set_floatx(precision)
    keras.config.set_dtype_policy(precision)
    for member in families:
        found = {"float32": outputs, "float64": gradients}[precision](member)
        np.savez(Path(folder) / f"{member}.npz", **found)
