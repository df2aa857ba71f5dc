"""Two real processes on the CPU train as one, say in one line that the other is gone, and go on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sepzoo.artifact.model_file import save
from tests.command import run_command
from tests.extras import needed
from tests.training.small_training import measured_in, small_network

pytestmark = pytest.mark.slow
RECIPE = """
name: two
model: {name: small.keras}
data: {name: digits, train: "train[:57%]", validation: "train[57%:70%]", test: "test[:30%]"}  # 820 images to train on
optimizer: {learning_rate: 0.05}
augmentation: {padding: 1, flip: true}
epochs: 1
batch_size: 164
"""

WITHOUT_TENSORFLOW = """
import sys
for name in ("tensorflow", "tensorflow_datasets", "tensorflow_model_optimization", "tf_keras", "ai_edge_litert"):
    sys.modules[name] = None
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    needed("jax", "jax")
    save(small_network(), tmp_path / "small.keras")
    (tmp_path / "two.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("localhost", 0))
        return int(opened.getsockname()[1])


def start(folder: Path, index: int, port: int, *said: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "sepzoo", "train", "two.yaml", "--out", "two", "--distribute", "multihost"]
    line += ["--coordinator", f"localhost:{port}", "--index", str(index), "--wait", "120", *said]
    variables = {**os.environ, "JAX_PLATFORMS": "cpu", "NUM_PROCESSES": "2"}
    if index:  # as a job of Kubernetes has it
        line[line.index("--index") : line.index("--index") + 2] = []
        variables["JOB_COMPLETION_INDEX"] = str(index)
    else:
        line += ["--processes", "2"]
    return subprocess.Popen(line, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def state(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "state.npz") as file:
        return dict(file)


def test_five_steps_of_two_processes_end_in_the_weights_of_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    both = [start(folder, index, port) for index in (0, 1)]
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    alone = run_command(
        "train", "two.yaml", "--out", "one", "--set", "on_device=true", cwd=folder, before=WITHOUT_TENSORFLOW
    )
    said = [each.communicate(timeout=300) for each in both]
    assert (alone.returncode, [each.returncode for each in both]) == (0, [0, 0]), (alone.stderr, said)
    assert said[0][0].partition("1 epochs")[0] == alone.stdout.partition("1 epochs")[0]
    assert said[1] == ("", "")  # the first one says it all
    one, two = state(folder / "one"), state(folder / "two")
    assert max(np.abs(one[name].astype(float) - two[name]).max() for name in one) < 1e-5
    assert int(two["optimizer_0000"]) == 5
    for ours, theirs in zip(measured_in(folder / "one"), measured_in(folder / "two"), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


@pytest.mark.nightly
@pytest.mark.parametrize("lost", [0, 1])
def test_where_one_is_killed_the_other_says_so_in_a_line_and_the_run_goes_on(folder: Path, lost: int) -> None:
    port = free_port()
    longer = ["--set", "epochs=40", "--set", "checkpoint_minutes=1e-5"]
    both = [start(folder, index, port, *longer, "--out", "killed") for index in (0, 1)]
    wait_for(folder / "killed" / "state.npz", both[0])
    both[lost].send_signal(signal.SIGKILL)
    _, errors = both[1 - lost].communicate(timeout=120)
    assert both[1 - lost].returncode == 2
    assert (
        [line for line in errors.splitlines() if "rror" in line]
        == [errors.splitlines()[-1]]
        == [
            "error: expected all 2 processes until the end. Received: no answer from another one. Begin them all "
            "again: the same commands go on from the last checkpoint."
        ]
    )
    both[lost].communicate()
    before = state(folder / "killed")
    assert 0 <= before["epochs"] < 40

    port = free_port()
    both = [start(folder, index, port, *longer, "--out", "killed") for index in (0, 1)]
    said = [each.communicate(timeout=300) for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert f"resumed after epoch {before['epochs']}" in said[0][1]
    assert said[1] == ("", "")
    assert len(measured_in(folder / "killed")) == 40


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.nightly
@pytest.mark.parametrize("index", [0, 1])
def test_a_coordinator_that_does_not_answer_is_one_line(folder: Path, index: int) -> None:
    process = start(folder, index, port := free_port(), "--wait", "1")
    printed, errors = process.communicate(timeout=120)
    assert (process.returncode, printed) == (2, "")
    assert errors == (
        f"error: expected 2 processes within 1 seconds at localhost:{port}. Received: no answer, or too few. See that "
        "the one of index 0 runs there, that its port is open, and that all are told the same coordinator and "
        "processes.\n"
    )
    assert not (folder / "two").exists()
