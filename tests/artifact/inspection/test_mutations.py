"""Seeded mutations of each format: opened or refused in one line, without a crash, in bounded time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.artifact.inspection import files
from tests.artifact.inspection.mutations import SECONDS
from tests.test_imports import ROOT

KINDS = (".keras", ".h5", ".npz", ".safetensors", ".tflite", ".yaml")
MEMORY = 2**30
"""Bytes by which the process that opens them may grow."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole file of each kind."""
    import keras

    import sepzoo
    from sepzoo.artifact.model_file import attach
    from sepzoo.records.metadata import Metadata
    from sepzoo.training import Recipe

    folder = tmp_path_factory.mktemp("mutations")
    files.keras_file(folder / "whole.keras")
    files.whole_h5(folder / "whole.h5")
    files.npz(folder / "whole.npz")
    files.safetensors(folder / "whole.safetensors")
    keras.utils.set_random_seed(3)
    network = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.SeparableConv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model = attach(network, Metadata("small", labels=("no", "yes")))
    sepzoo.export.tflite(model, folder / "whole.tflite")
    (folder / "whole.yaml").write_text(Recipe.load("digits").to_yaml(), encoding="utf-8")
    return folder


def opened(folder: Path, first: int, count: int, *kinds: str) -> dict[str, Any]:
    """Return what became of the mutations, opened in another process."""
    line = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.artifact.inspection.mutations",
        str(folder),
        str(first),
        str(count),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([*line, *kinds], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"crashed or hung: {done.stderr[-3000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def judge(results: dict[str, Any], kind: str, count: int) -> None:
    found = Counter(results[kind]["outcomes"])
    print(f"{kind:13} {dict(found)}, longest {results[kind]['longest']} s, grown {results[kind]['grown'] >> 20} MiB")  # noqa: T201
    assert set(found) <= {"opened", "refused"}
    assert found.total() == count
    assert found["refused"] > count // 20
    assert results[kind]["longest"] < SECONDS
    assert results[kind]["grown"] < MEMORY


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    return opened(folder, 0, 50, *KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_fifty(results: dict[str, Any], kind: str) -> None:
    judge(results, kind, 50)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand(folder: Path, kind: str) -> None:
    judge(opened(folder, 1000, 1000, kind), kind, 1000)
