"""Which files this process wrote or has checked: it need not check them again. Kept in memory, never in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

State = tuple[int, int, int, int, int]
"""Device, inode, size, and the times of the last change of a file: what changes when it is written to or replaced."""

_KNOWN: dict[str, State] = {}


def mark_known(path: str | os.PathLike[str], found: Mapping[str, State] | None = None) -> None:
    """Remember a file, or the files in a folder, as they are now, or as `states` found them before.

    Example:
        >>> import pathlib, tempfile
        >>> notes = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
        >>> _ = notes.write_text("mine")
        >>> mark_known(notes)
        >>> before = is_known(notes)
        >>> _ = notes.write_text("somebody else's")
        >>> before, is_known(notes)
        (True, False)
    """
    _KNOWN.update(states(path) if found is None else found)


def is_known(path: str | os.PathLike[str]) -> bool:
    """Return whether a file, or every file in a folder, is as it was when it was marked."""
    found = states(path)
    return bool(found) and all(_KNOWN.get(file) == state for file, state in found.items())


def states(path: str | os.PathLike[str]) -> dict[str, State]:
    """Return the file at a path, or the files in a folder, each with its state now.

    Example:
        >>> states("missing")
        {}
    """
    place = Path(path).resolve()
    files = [file for file in place.rglob("*") if file.is_file()] if place.is_dir() else [place]
    found = {}
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        found[str(file)] = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found
