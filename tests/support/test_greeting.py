"""TensorFlow's greeting stays off standard error where sepzoo brings TensorFlow in, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sepzoo.support.greeting import is_greeting, without_greeting

GREETING = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795704906.395076   18780 port.cc:153] oneDNN custom operations are on.
I0000 00:00:1795704906.540409   18780 cpu_feature_guard.cc:227] This TensorFlow binary is optimized
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow
"""


def child(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND")}
    line = [sys.executable, "-c", code]
    return subprocess.run(line, cwd=tmp_path, env=kept, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import sepzoo; sepzoo.applications.build('mobilenet_v1', alpha=0.25)",
        "from sepzoo.applications import build; build('cifar_resnet20')",
        "import sepzoo.surgery, sepzoo.export",
        "import sepzoo; sepzoo.inference.open(FILE).predict",
        "import sepzoo, tensorflow",
    ],
)
def test_a_child_process_is_silent(code: str, small_files: Path, tmp_path: Path) -> None:
    done = child(code.replace("FILE", repr(str(small_files / "small.keras"))), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_an_import_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("import sys\nsys.stderr.write('no room\\n')\nraise ImportError('broken')\n")
    done = child("import sys; sys.path.insert(0, '.'); import sepzoo; import tensorflow", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "no room"
    assert done.stderr.splitlines()[-1] == "ImportError: broken"


@pytest.mark.slow
def test_tensorflow_keeps_its_own_loader(tmp_path: Path) -> None:
    loaders = "type(tensorflow.__loader__).__name__, type(tensorflow.__spec__.loader).__name__"
    done = child(f"import sepzoo, tensorflow; print({loaders})", tmp_path)
    assert done.stdout.split() == ["SourceFileLoader"] * 2


def test_all_but_the_greeting_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    with without_greeting():
        os.write(2, GREETING.encode() + b"W0000 00:00:1.5   1 gpu.cc:1] out of memory\n")
        sys.stdout.write("an answer\n")
    assert capfd.readouterr() == ("an answer\n", "W0000 00:00:1.5   1 gpu.cc:1] out of memory\n")


def test_an_error_within_is_raised_and_heard(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with without_greeting():
            os.write(2, b"last words")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert capfd.readouterr().err == "last words"


@pytest.mark.parametrize("device", [True, False])
def test_a_gpu_that_does_not_start_is_named(device: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.exists", lambda path: device)
    line = "E0000 00:00:1795704914.430955   18677 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error"
    assert is_greeting(line) is not device
