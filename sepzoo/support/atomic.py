"""Files that are whole or absent, and never in the place of what somebody else put there."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sepzoo.support.checked_files import mark_known
from sepzoo.support.errors import SepzooError

MARKER = ".sepzoo-files"
"""In each folder that is written whole: the names of its files, one a line."""


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], *, folder: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; at the end what stands there takes the name `path`, on an error it goes.

    The temporary name keeps the suffixes of `path`, since many writers choose a format by them. A file that is already
    at `path` is replaced in one step. A folder is replaced by a folder alone, and only where `check_target` lets it.

    Args:
        path: of what is to be written.
        folder: whether that is a folder.

    Raises:
        SepzooError: what is at `path` must not be replaced; nothing is written then.

    Example:
        >>> import pathlib, tempfile
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
        >>> with atomic_write(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    target = Path(path)
    check_target(target, folder=folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    workspace = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        temporary = workspace / target.name
        yield temporary
        if folder:
            (temporary / MARKER).write_bytes(b"\n".join(map(os.fsencode, sorted(_files_in(temporary)))))
        check_target(target, folder=folder)  # once more: the writing may have taken long
        if target.is_dir():
            target.rename(workspace / f"{target.name}.old")
        temporary.replace(target)
        mark_known(target)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def check_target(path: str | os.PathLike[str], *, folder: bool = False) -> None:
    """See that a file or a folder may be written at a path: that nothing of somebody else's would be lost.

    A file never replaces a folder, nor a folder a file. A folder replaces only one that `atomic_write` wrote, and that
    still holds just what was written. Worth calling before long work whose result goes there.

    Raises:
        SepzooError: what is at the path must stay.

    Example:
        >>> import tempfile
        >>> check_target(tempfile.mkdtemp())
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: expected the name of a file to write. Received: ..., which is a folder. ...
    """
    target = Path(path)
    if not folder:
        if target.is_dir():
            raise SepzooError(
                f"expected the name of a file to write. Received: {target}, which is a folder. It was left as it is; "
                "name another file."
            )
        return
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        kind = "link" if target.is_symlink() else "file"
        raise SepzooError(
            f"expected the name of a folder to write. Received: {target}, which is a {kind}. It was left as it is; "
            "name another folder."
        )
    if target.is_dir() and not _is_ours(target):
        raise SepzooError(
            f"expected the name of a new folder, or of one that sepzoo wrote. Received: {target}, which holds other "
            "files. It was left as it is; name another folder, or delete it."
        )


def _is_ours(folder: Path) -> bool:
    """Return whether a folder holds nothing, or just the files that its marker names."""
    found = _files_in(folder)
    marker = folder / MARKER
    if not found:
        return True
    return marker.is_file() and found - {MARKER} == set(map(os.fsdecode, marker.read_bytes().split(b"\n")))


def _files_in(folder: Path) -> set[str]:
    """Return the files and links in a folder, at any depth, by names relative to it."""
    return {
        str((Path(place) / name).relative_to(folder))
        for place, folders, files in os.walk(folder)
        for name in [*files, *(each for each in folders if Path(place, each).is_symlink())]
    }
