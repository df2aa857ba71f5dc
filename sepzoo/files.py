"""Files that are whole or absent."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; at the end what stands there takes the name `path`, on an error it goes.

    The temporary name keeps the suffixes of `path`, since many writers choose a format by them. Works for a file and
    for a folder; a file that is already at `path` is replaced in one step, a folder is moved away first.

    Example:
        >>> import pathlib, tempfile
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
        >>> with written_whole(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    workspace = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        temporary = workspace / target.name
        yield temporary
        if target.is_dir():
            target.rename(workspace / f"{target.name}.old")
        temporary.replace(target)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
