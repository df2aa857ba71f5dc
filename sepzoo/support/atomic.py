"""Files that are whole or absent, and never in the place of what somebody else put there."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sepzoo.support.checked_files import mark_known
from sepzoo.support.errors import SepzooError
from sepzoo.support.workspace import replace_folder, workspace

MARKER = ".sepzoo-files"
"""In each folder that is written whole: the names of its files, one a line."""

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""What a disk says; such an error names either no file or a temporary one."""


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], *, folder: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; at the end what stands there takes the name `path`, on an error it goes.

    The temporary name is that of `path` in a folder beside it, since many writers choose a format by it. A file that is
    already at `path` is replaced in one step. A folder is replaced by a folder alone, and only where `check_target`
    lets it. What a killed process left is removed by the next one that writes into the same folder.

    Args:
        path: of what is to be written.
        folder: whether that is a folder.

    Raises:
        SepzooError: what is at `path` must not be replaced, or nothing can be written there; nothing is written then.
        OSError: the disk is full or broken; it names `path`.

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
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with workspace(target.parent) as place:
            temporary = place / target.name
            yield temporary
            if folder:
                (temporary / MARKER).write_bytes(b"\n".join(map(os.fsencode, sorted(_files_in(temporary)))))
            check_target(target, folder=folder)  # once more: the writing may have taken long
            if target.is_dir():
                replace_folder(place, temporary, target)
            else:
                temporary.replace(target)
            mark_known(target)
    except OSError as error:
        named = target if error.filename is None else Path(os.fsdecode(error.filename))
        elsewhere = target.absolute().parent not in named.absolute().parents
        if error.errno not in _DISK or elsewhere:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(target)) from error


def check_target(path: str | os.PathLike[str], *, folder: bool = False) -> None:
    """See that a file or a folder can be written at a path, and that nothing of somebody else's would be lost.

    A file never replaces a folder, nor a folder a file. A folder replaces only one that `atomic_write` wrote, and that
    still holds just what was written. Worth calling before long work whose result goes there.

    Raises:
        SepzooError: what is at the path must stay, or its folder can't be written to.

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
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise SepzooError(
                f"expected the name of a file to write. Received: {target}, which is a pipe, a socket or a device. "
                "Name another file."
            )
        _require_writable(target)
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
    _require_writable(target)


def disk_error(error: BaseException) -> int | None:
    """Return the number of what a disk said, where an error tells of a full, broken or read-only one; else None.

    What is not of Python, as TensorFlow, tells it by the system's words alone.

    Example:
        >>> disk_error(RuntimeError("out/variables; No space left on device")) == errno.ENOSPC
        True
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in _DISK else None
    return next((number for number in _DISK if os.strerror(number) in str(error)), None)


def _require_writable(target: Path) -> None:
    """See that a file can be made where `target` is to be, by making one without a name."""
    folder = next(parent for parent in target.absolute().parents if parent.exists() or parent == parent.parent)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SepzooError(
            f"expected a folder that can be written to. Received: {folder} ({error.strerror}). Name another one."
        ) from None


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
