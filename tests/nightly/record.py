"""The last output of a nightly test, kept in the repository with its date."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import os
import platform
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

FOLDER = Path(__file__).parent
KEY = 44
"""Characters of the first column of a table."""
PACKAGES = ("keras", "tensorflow", "ai-edge-litert")


def versions() -> str:
    """Return the versions of what a record depends on."""
    packages = (f"{package} {importlib.metadata.version(package)}" for package in PACKAGES)
    return ", ".join((f"Python {platform.python_version()}", *packages))


def write_record(name: str, text: str, *, folder: Path = FOLDER) -> Path:
    """Write `NAME.txt` beside this file: the day, the versions, what was printed."""
    path = folder / f"{name}.txt"
    head = f"{today()}, {versions()}\n"
    path.write_text(f"{head}python -m pytest -m nightly tests/nightly/test_{name}.py\n\n{text}", encoding="utf-8")
    return path


@dataclasses.dataclass(frozen=True)
class Rows:
    """A record that a test writes a row at a time: the whole takes hours, and goes on where it was broken off.

    `REMAINING=1` before the command leaves out what has a row of the same versions.

    Attributes:
        name: of the record.
        columns: its head, in which `{done}` and `{all}` are how many rows there are and will be.
        keys: the first word of each row, in their order.
        folder: where it lies.
    """

    name: str
    columns: str
    keys: tuple[str, ...]
    folder: Path = FOLDER

    def done(self) -> dict[str, str]:
        """Return the rows that were made with the packages of today, by their keys."""
        path = self.folder / f"{self.name}.txt"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else [""]
        return {line.split()[0]: line for line in lines[4:]} if lines[0].endswith(versions()) else {}

    def skip_if_done(self, key: str) -> None:
        """Skip a test that has a row, where the remaining ones are asked for."""
        if os.environ.get("REMAINING") and key in self.done():
            pytest.skip("a row of the record has it")

    def keep(self, key: str, cells: str) -> None:
        """Put a row into the record, which several processes (`-n 2`) may share."""
        with FileLock(Path(tempfile.gettempdir(), f"sepzoo-{self.name}.lock")):
            done = {**self.done(), key: f"{key:{KEY}}{cells}"}
            table = "\n".join(done[each] for each in self.keys if each in done)
            head = self.columns.format(done=len(done), all=len(self.keys))
            write_record(self.name, f"{head}\n{table}\n", folder=self.folder)


def today() -> str:
    """Return the day, as rows have it."""
    return str(datetime.datetime.now(tz=datetime.UTC).date())
