"""One network, three backends: the same outputs, moving statistics and gradients.

A sum that in its last digit lands on the other side of a ReLU's kink changes gradients by a percent; so two of four
batches have to agree.
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
            environment = {**os.environ, "KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": ""}
            run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            assert run.returncode == 0, run.stderr[-3000:]
        return folders[backend]

    return ask


@pytest.mark.parametrize("family", SMALL)
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_same_outputs_and_gradients(answers, backend, family):
    expected, found = (dict(np.load(answers(name) / f"{family}.npz")) for name in (BACKENDS[0], backend))
    assert set(found) == set(expected)
    errors = dict.fromkeys("0123", 0.0)
    for key, value in expected.items():
        if key.startswith("gradient"):
            batch = key.split()[1]
            largest = max(np.abs(expected[other]).max() for other in expected if other.startswith(f"gradient {batch}"))
            errors[batch] = max(errors[batch], np.abs(found[key] - value).max() / largest)
        else:
            np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-4, err_msg=key)
    assert 0 < sorted(errors.values())[1] < 1e-4
