"""Which files this process wrote or has checked: it need not check them again. Kept in memory, never in a file."""

from __future__ import annotations

import os
from pathlib import Path

_Identity = tuple[int, int, int, int, int]

_KNOWN: dict[str, _Identity] = {}


def mark_known(path: str | os.PathLike[str]) -> None:
    """Remember a file, or the files in a folder, as they are now.

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
    _KNOWN.update({str(file): identity for file, identity in _files(Path(path)).items()})


def is_known(path: str | os.PathLike[str]) -> bool:
    """Return whether a file, or every file in a folder, is as it was when it was marked."""
    found = _files(Path(path))
    return bool(found) and all(_KNOWN.get(str(file)) == identity for file, identity in found.items())


def _files(path: Path) -> dict[Path, _Identity]:
    """Return the files at a path, each with what changes when it is written to or replaced."""
    place = path.resolve()
    files = [file for file in place.rglob("*") if file.is_file()] if place.is_dir() else [place]
    found = {}
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        found[file] = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found
