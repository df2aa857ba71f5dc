"""Training with rounding on JAX and PyTorch: the same network comes out, and its file is written by TensorFlow."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sepzoo.artifact import model_file
from sepzoo.compression import quantize_aware
from sepzoo.export import tflite
from tests.backends import variables
from tests.export.networks import samples, separable
from tests.extras import reason

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from sepzoo.artifact import model_file
from sepzoo.compression import quantize_aware
from sepzoo.data import Samples
import numpy as np

folder = sys.argv[1]
data = Samples(np.load(folder + "/images.npy"), None, origin="quarters", seed=0)
found = quantize_aware(model_file.load(folder + "/model.keras"), data, epochs=2, batch_size=16, learning_rate=1e-4)
model_file.save(found.model, folder + "/trained.keras")
print(json.dumps(found.losses))
"""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("backend", "extra"), [("jax", "jax"), ("torch", "parity")])
def test_another_backend_trains_the_same(backend: str, extra: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(reason(backend, extra))
    drawn = samples(separable(), 48)
    model_file.save(separable(), tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", drawn.images)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=variables(backend), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    losses = json.loads(done.stdout.splitlines()[-1])
    here = quantize_aware(separable(), drawn, epochs=2, batch_size=16, learning_rate=1e-4)
    assert losses[0] == pytest.approx(here.losses[0], rel=0.05)  # a number between two integers may fall to either
    assert min(losses[1:]) < losses[0]
    trained = model_file.load(tmp_path / "trained.keras")
    report = tflite(trained, tmp_path / "trained.tflite", quantize="int8", check=samples(separable(), 100, seed=4))
    assert "DEQUANTIZE" not in report.operators


COMPRESSING = """
import sys
import numpy as np
from sepzoo.artifact import model_file
from sepzoo.compression import prune
from sepzoo.data import Samples

folder = sys.argv[1]
data = Samples(np.load(folder + "/images.npy"), None, origin="quarters", seed=0)
new, report = prune(model_file.load(folder + "/model.keras"), data, epochs=1, batch_size=16)
model_file.save(new, folder + "/pruned.keras")
print(report.zeros, "|".join(report.unmeasured))
"""


@pytest.mark.nightly
def test_weights_are_pruned_for_another_backend(tmp_path: Path) -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip(reason("jax", "jax"))
    model_file.save(separable(), tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", samples(separable(), 48).images)
    command = [sys.executable, "-c", COMPRESSING, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=variables("jax"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    kernel = model_file.load(tmp_path / "pruned.keras").get_layer("unit0_pointwise").get_weights()[0]
    assert (kernel == 0).sum() == 32
    zeros, _, unmeasured = done.stdout.splitlines()[-1].partition(" ")
    assert int(zeros) == 188
    assert "tflite:int8 needs Keras on TensorFlow" in unmeasured
