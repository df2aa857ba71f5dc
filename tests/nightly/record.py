"""The last output of a nightly test, kept in the repository with its date."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from pathlib import Path

FOLDER = Path(__file__).parent
PACKAGES = ("keras", "tensorflow", "ai-edge-litert")


def versions() -> str:
    """Return the versions of what a record depends on."""
    packages = (f"{package} {importlib.metadata.version(package)}" for package in PACKAGES)
    return ", ".join((f"Python {platform.python_version()}", *packages))


def write_record(name: str, text: str) -> Path:
    """Write `NAME.txt` beside this file: the day, the versions, what was printed."""
    path = FOLDER / f"{name}.txt"
    head = f"{datetime.datetime.now(tz=datetime.UTC).date()}, {versions()}\n"
    path.write_text(f"{head}python -m pytest -m nightly tests/nightly/test_{name}.py\n\n{text}", encoding="utf-8")
    return path
