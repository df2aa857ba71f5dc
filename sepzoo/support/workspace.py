"""Folders for files that are not whole yet: what a killed process leaves in one, the next process removes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = ".sepzoo-"
_NAME = re.compile(re.escape(_PREFIX) + r"[a-z0-9_]{8}")
_REPLACED = "replaced"
"""In a workspace: the folder that is being replaced, in a folder of its own name."""


@contextlib.contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """Make a folder inside `folder` for as long as the block runs; what killed processes left beside it is swept first.

    Example:
        >>> import tempfile
        >>> home = Path(tempfile.mkdtemp())
        >>> with workspace(home) as place:
        ...     [found] = home.iterdir()
        >>> found == place, place.exists()
        (True, False)
    """
    sweep(folder)
    place, lock = _locked(folder)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def sweep(folder: Path) -> None:
    """Remove the workspaces in a folder whose processes have ended, and put back a folder that one was replacing."""
    try:
        left = [Path(entry) for entry in os.scandir(folder) if is_workspace(entry.name)]
    except OSError:
        return
    for place in left:
        with contextlib.suppress(OSError):
            lock = _lock(place)
            if lock is None:
                continue
            try:
                _put_back(place)
                shutil.rmtree(place, ignore_errors=True)
            finally:
                os.close(lock)


def is_workspace(name: str) -> bool:
    """Tell whether a folder's name is one that `workspace` gives.

    Example:
        >>> is_workspace(".sepzoo-ab12_x9z"), is_workspace(".hidden")
        (True, False)
    """
    return _NAME.fullmatch(name) is not None


def replace_folder(place: Path, new: Path, target: Path) -> None:
    """Let a folder inside a workspace take the place of another, in one step where the system has one.

    Where it has none, a process that is killed between the two steps leaves the old folder in its workspace, and
    `sweep` puts it back.
    """
    if _exchanged(new, target):
        return
    old = place / _REPLACED / target.name
    old.parent.mkdir()
    try:
        target.rename(old)
        new.replace(target)
    except BaseException:
        _put_back(place)
        raise


def _put_back(place: Path) -> None:
    for old in (place / _REPLACED).glob("*"):
        target = place.parent / old.name
        if not target.exists():
            old.rename(target)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names, which Linux does in one step; return whether it did."""
    import ctypes

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):  # no Linux
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def _locked(folder: Path) -> tuple[Path, int | None]:
    """Make a workspace and lock it; one that a sweep removed before it was locked is made again."""
    while True:
        place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        try:
            lock = _lock(place)
        except (FileNotFoundError, BlockingIOError):
            continue
        except OSError:  # a file system without locks, on which nothing is swept either
            return place, None
        if place.exists():
            return place, lock
        if lock is not None:
            os.close(lock)


def _lock(place: Path) -> int | None:
    """Lock a folder against other processes, until the descriptor is closed or the process ends; None: on Windows.

    Raises:
        BlockingIOError: another process has the lock.
        OSError: the folder is gone, or the file system has no locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
