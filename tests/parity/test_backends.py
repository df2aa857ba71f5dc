"""One network, three backends: the same outputs and moving statistics in float32, the same gradients in float64."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.backends import variables
from tests.extras import reason
from tests.small import SMALL

ROOT = Path(__file__).parents[2]
BACKENDS = ("tensorflow", "jax", "torch")
PRECISIONS = ("float64", "float32")  # the longer first
IN_CI = (
    "mobilenet_v1",
    "mobilenet_v3",
    "mobileone",
    "convnext",
    "ghostnet",
    "resnet",
    "hybrid_hypothesis",
    "tc_resnet",
)
"""Families whose gradients are compared there; compiling those of all takes JAX minutes."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answers(request, tmp_path_factory):
    """What each backend says of the families' small members: one process a backend and precision."""
    asked = {"float32": test_same_outputs, "float64": test_same_gradients}
    chosen = {
        precision: sorted({item.callspec.params["family"] for item in request.session.items if item.function is test})
        for precision, test in asked.items()
    }

    def ask(question):
        backend, precision = question
        folder = tmp_path_factory.mktemp(f"{backend}_{precision}")
        command = [sys.executable, "-m", "tests.parity.backend_program", precision, str(folder), *chosen[precision]]
        own = {**variables(backend), "JAX_ENABLE_X64": "1"}
        run = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
        return folder if run.returncode == 0 else run.stderr[-3000:]

    there = [backend for backend in ("jax", "tensorflow", "torch") if importlib.util.find_spec(backend)]
    questions = [(backend, precision) for backend in there for precision in PRECISIONS if chosen[precision]]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(questions, pool.map(ask, questions), strict=True))

    def answer(backend, precision, family):
        if backend not in there:
            pytest.skip(reason(backend, "jax" if backend == "jax" else "parity"))
        folder = found[backend, precision]
        assert isinstance(folder, Path), folder
        with np.load(folder / f"{family}.npz") as answers:
            return dict(answers)

    return answer


@pytest.mark.parametrize("family", SMALL)
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_same_outputs(answers, backend, family):
    expected, found = (answers(name, "float32", family) for name in (BACKENDS[0], backend))
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert value.dtype == found[key].dtype == "float32"
        np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-4, err_msg=key)


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=() if name in IN_CI else pytest.mark.nightly) for name in SMALL]
)
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_same_gradients(answers, backend, family):
    expected, found = (answers(name, "float64", family) for name in (BACKENDS[0], backend))
    assert set(found) == set(expected)
    largest = max(np.abs(value).max() for value in expected.values())
    for path, value in expected.items():
        assert value.dtype == found[path].dtype == "float64"
        # A bias before a batch normalization has a gradient of 0, of which rounding leaves something.
        allowed = 1e-6 * np.abs(value).max() + 1e-12 * largest
        np.testing.assert_allclose(found[path], value, rtol=0, atol=allowed, err_msg=path)
    assert largest > 0
