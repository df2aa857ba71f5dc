"""Gradients on the backend of this process: Keras's own functions have none."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from sepzoo.support.types import Tensor


def gradient(function: Callable[[Tensor], Tensor], at: np.ndarray) -> np.ndarray:
    """Return the gradient of a number with regard to a tensor.

    Args:
        function: written in `keras.ops`.
        at: where.

    Raises:
        NotImplementedError: a backend without gradients.

    Example:
        >>> gradient(lambda x: keras.ops.sum(x * x), np.array([1.0, 3.0], "float32")).tolist()
        [2.0, 6.0]
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(at)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        found = tape.gradient(value, x, unconnected_gradients="zero")
    elif backend == "jax":
        import jax

        found = jax.grad(function)(keras.ops.convert_to_tensor(at))
    elif backend == "torch":
        import torch

        with torch.enable_grad():
            x = keras.ops.convert_to_tensor(at).detach().requires_grad_(True)
            (found,) = torch.autograd.grad(function(x), x)
    else:
        raise NotImplementedError(f"gradients on the backend {backend!r}")
    return np.asarray(keras.ops.convert_to_numpy(found))
