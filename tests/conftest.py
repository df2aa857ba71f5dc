"""What every test may ask for: real data where it is there, a fixed seed always."""

from __future__ import annotations

import gc
import json
import operator
import os
import random
import subprocess
import sys
import venv
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from sepzoo.support.garbage_collector import keep_imports
from sepzoo.support.processor import set_for_processor
from tests.command import run_command

if TYPE_CHECKING:
    from matplotlib.figure import Figure

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
set_for_processor()  # as the command line does
MEDIAPIPE = "mediapipe==1.2.2"
# A machine that does something else beside takes longer for an example, and that is no fault of what is tested.
settings.register_profile("sepzoo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sepzoo")


def pytest_collection_finish() -> None:
    """Take what imports made out of what garbage collection walks over: it stays; that was 6% of the time."""
    gc.collect()
    keep_imports()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep pytest's options from programs that a test starts, and give each test a seed of its own.

    The processes that `-n` starts must still read the options. Keras draws initial weights by Python's generator. The
    seed is of the test's name: with one for all, what a shared fixture drew would be drawn again, and be no other.
    """
    os.environ.pop("PYTEST_ADDOPTS", None)
    drawn = zlib.crc32(item.nodeid.encode()) % 2**31
    random.seed(drawn)
    for package, draw_from in (("numpy", "random.seed"), ("tensorflow", "random.set_seed"), ("torch", "manual_seed")):
        if package in sys.modules:
            operator.attrgetter(draw_from)(sys.modules[package])(drawn)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped for each reason, with what they need."""
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ") for report in terminalreporter.getreports("skipped")
    )
    if reasons:
        terminalreporter.section(f"{reasons.total()} skipped, and what they need")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:4}  {reason}")


def _folder(variable: str, content: str) -> Path:
    value = os.environ.get(variable, "")
    if not value or not Path(value).is_dir():
        pytest.skip(f"{variable} names no folder: {content}")
    return Path(value)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photographs (`data`), real weights (`weights`) and facts (`reference`)."""
    return _folder("SEPZOO_SHARED", "real photographs, real weights and the papers' counts are read from there")


@pytest.fixture(scope="session")
def tfds_data_dir() -> str:
    """The TFDS folder with the real CIFAR-10 and flowers."""
    return str(_folder("TFDS_DATA_DIR", "the real CIFAR-10 and flowers are read from there"))


@pytest.fixture(scope="session")
def mediapipe_python(pytestconfig: pytest.Config) -> Path:
    """The interpreter of an environment with mediapipe; skipped where it cannot be installed.

    mediapipe and tensorflow-model-optimization want different versions of absl-py, so they cannot share one. It is made
    once and kept in pytest's cache folder. A bare Debian also needs libgl1, libegl1 and libgles2.
    """
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir(MEDIAPIPE.replace("==", "-"))
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.is_file():
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", MEDIAPIPE]
        installed = subprocess.run(command, capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"{MEDIAPIPE} cannot be installed: {installed.stderr.strip().splitlines()[-1]}")
        ready.touch()
    return python


@pytest.fixture
def seed() -> int:
    """Seed Keras, NumPy and Python alike."""
    import keras

    keras.utils.set_random_seed(7)
    return 7


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were written as PNG, in their order."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figures: list[Figure] = []
    write = FigureCanvasAgg.print_png

    def kept(canvas: FigureCanvasAgg, *arguments: Any, **named: Any) -> None:
        figures.append(canvas.figure)
        write(canvas, *arguments, **named)

    monkeypatch.setattr(FigureCanvasAgg, "print_png", kept)
    return figures


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `small.keras` and `small.tflite`: one untrained network for the ten digits, 32 x 32 grey pixels."""
    import keras

    import sepzoo
    from sepzoo.artifact.model_file import attach, save
    from sepzoo.records.metadata import Metadata

    folder = tmp_path_factory.mktemp("small_files")
    keras.utils.set_random_seed(5)  # with many others all scans are answered alike
    model = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 1), classes=10)
    for layer in model.layers:
        if hasattr(layer, "gamma"):  # else the signal dies out on its way, and all images are answered alike
            layer.gamma.assign(4 * layer.gamma)
    save(attach(model, Metadata("small", labels=tuple("0123456789"))), folder / "small.keras")
    sepzoo.export.tflite(model, folder / "small.tflite")
    return folder


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder in which `sepzoo quickstart` was run once, and what it printed.

    Where several processes share the tests (`pytest -n`), one of them runs it for all.
    """
    base = tmp_path_factory.getbasetemp()
    together = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, printed = together / "quickstart", together / "quickstart.json"
    with FileLock(together / "quickstart.lock"):
        if not printed.exists():
            folder.mkdir()
            done = run_command("quickstart", cwd=folder)
            printed.write_text(json.dumps([done.args, done.returncode, done.stdout, done.stderr]), encoding="utf-8")
    return folder, subprocess.CompletedProcess(*json.loads(printed.read_text(encoding="utf-8")))
