"""Surgery on TensorFlow, JAX and PyTorch: the same networks come out."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.backends import variables
from tests.extras import reason
from tests.surgery.networks import stack

ROOT = Path(__file__).parents[2]
BACKENDS = ("tensorflow", "jax", "torch")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answers(tmp_path_factory, randomize):
    folder = tmp_path_factory.mktemp("surgery")
    randomize(stack()).save(folder / "model.keras")
    np.save(folder / "images.npy", np.random.default_rng(0).uniform(-1, 1, (40, 12, 12, 6)).astype("float32"))
    running = {}
    for backend in BACKENDS:
        if importlib.util.find_spec(backend):
            command = [sys.executable, "-m", "tests.surgery.backend_program", str(folder)]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            running[backend] = subprocess.Popen(command, cwd=ROOT, env=variables(backend), **pipes)
    said = {backend: process.communicate()[0] for backend, process in running.items()}

    def answer(backend):
        if backend not in running:
            pytest.skip(reason(backend, "jax" if backend == "jax" else "parity"))
        assert running[backend].returncode == 0, said[backend][-3000:]
        with np.load(folder / f"{backend}.npz") as answers:
            return dict(answers)

    return answer


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_every_surgery_gives_the_same_network(answers, backend):
    expected, found = answers(BACKENDS[0]), answers(backend)
    assert set(found) == set(expected)
    assert len(expected) == 2 * 17
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-4 * np.abs(value).max(), err_msg=name)
