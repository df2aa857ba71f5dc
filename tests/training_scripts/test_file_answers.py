"""The table of files' answers: that of paired images, whatever the files are."""

from __future__ import annotations

import math
import types
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.scripts import imported
from tests.test_imports import ROOT


@pytest.fixture
def script() -> Iterator[ModuleType]:
    with imported(ROOT / "training" / "file_answers.py") as [found]:
        yield found


def test_the_error_is_that_of_a_paired_difference(script: ModuleType) -> None:
    random = np.random.default_rng(0)
    first, other = random.random(10_000) < 0.87, random.random(10_000) < 0.86
    gained, lost = int((other & ~first).sum()), int((first & ~other).sum())
    mean, error = (gained - lost) / 10_000, math.sqrt(gained + lost - (gained - lost) ** 2 / 10_000) / 10_000
    assert script.difference(other, first) == f"{100 * mean:+.2f} ± {100 * error:.2f}"


def test_each_file_stands_beside_the_first(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "a.tflite", tmp_path / "b.tflite"]
    for number, file in enumerate(files):
        file.write_bytes(bytes(2048 * (number + 1)))
    right = {files[0]: np.tile([True, True, False], 120)[:359], files[1]: np.ones(359, bool)}
    seen: list[tuple[int, ...]] = []

    def answers(path: Path, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        seen.append((*images.shape, len(labels)))
        return right[path]

    monkeypatch.setattr(script, "right_answers", answers)
    monkeypatch.setattr(script.inference, "open", lambda path: types.SimpleNamespace(input_shape=(16, 16, 3)))
    monkeypatch.setattr("sys.argv", ["file_answers.py", *map(str, files), "--data", "digits"])
    script.main()
    assert seen == [(359, 16, 16, 3, 359)] * 2
    small = f"{len(zlib.compress(bytes(2048), 9)) / 1024:.1f}"
    _, first, second = (line.split() for line in capsys.readouterr().out.splitlines())
    assert first == ["a.tflite", "2.0", small, f"{240 / 359:.4f}"]
    assert second[:2] == ["b.tflite", "4.0"]
    assert second[3:5] == ["1.0000", f"{100 * 119 / 359:+.2f}"]
