"""One network, three backends: the same outputs, moving statistics and gradients.

In double precision: in single, one sum that lands on the other side of a ReLU's kink changes gradients by a percent.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.small import SMALL

ROOT = Path(__file__).parents[2]
BACKENDS = ("tensorflow", "jax", "torch")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each backend says of each family's small member: one process a backend, for Keras has one in each."""
    folders = {}

    def ask(backend):
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed: pip install sepzoo[jax,parity]")
        if backend not in folders:
            folders[backend] = tmp_path_factory.mktemp(backend)
            command = [sys.executable, "-m", "tests.parity.backend_program", str(folders[backend])]
            settings = {"KERAS_BACKEND": backend, "JAX_ENABLE_X64": "1"}
            environment = {**os.environ, **settings, "CUDA_VISIBLE_DEVICES": ""}
            run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            assert run.returncode == 0, run.stderr[-3000:]
        return folders[backend]

    return ask


@pytest.mark.parametrize("family", SMALL)
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_same_outputs_and_gradients(answers, backend, family):
    expected, found = (np.load(answers(name) / f"{family}.npz") for name in (BACKENDS[0], backend))
    assert set(found) == set(expected)
    assert any(key.startswith("gradient") for key in found)
    largest = max(np.abs(expected[key]).max() for key in expected if key.startswith("gradient"))
    for key in expected:
        assert expected[key].dtype == found[key].dtype == np.float64
        scale = largest if key.startswith("gradient") else max(1.0, np.abs(expected[key]).max())
        np.testing.assert_allclose(found[key] / scale, expected[key] / scale, rtol=0, atol=1e-6, err_msg=key)
