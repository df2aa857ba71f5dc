from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sepzoo.cli import main
from sepzoo.data import open_source


@dataclasses.dataclass(frozen=True)
class Outcome:
    code: int | str | None
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `sepzoo` with the given arguments in this process."""

    def run(*arguments: str | Path) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(stop.value.code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of real scans, five of each of ten classes."""
    folder = tmp_path_factory.mktemp("data") / "scans"
    source = open_source("digits", split="train", image_size=(32, 32))
    for label in range(10):
        (folder / str(label)).mkdir(parents=True)
        for index in np.flatnonzero(source.labels == label)[:5]:
            Image.fromarray(source.images(np.array([index]))[0, ..., 0]).save(folder / str(label) / f"{index}.png")
    return folder


@pytest.fixture(scope="session")
def cats_and_dogs(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans under names that no digit has."""
    folder = tmp_path_factory.mktemp("animals")
    shutil.copytree(scans / "1", folder / "cat")
    shutil.copytree(scans / "2", folder / "dog")
    return folder
