"""Keras on another library, in a process that a test starts."""

from __future__ import annotations

import os

_QUICK = {
    "OMP_NUM_THREADS": "1",  # threads that wait for one another cost more than so small networks take
    "XLA_FLAGS": "--xla_backend_optimization_level=0",  # and XLA more to optimize them than to run
}


def variables(backend: str) -> dict[str, str]:
    """Return the variables of a process where Keras runs on a backend, on the CPU, and small networks start soon."""
    return {**os.environ, "KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", **_QUICK}
