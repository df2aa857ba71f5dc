"""The same bits from the same seed, as far as the backend can promise it."""

from __future__ import annotations

import keras


def compute_deterministically() -> None:
    """Let the backend take operations alone that add in one order, from here on in this process; slower ones.

    TensorFlow and PyTorch have a switch for it. JAX has none while it runs: on a GPU the variable
    `XLA_FLAGS=--xla_gpu_deterministic_ops=true` says it before the start, and on a CPU its operations are so anyway.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        torch.use_deterministic_algorithms(True)
