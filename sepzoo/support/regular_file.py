"""Whether a path can be read as a file at all, before anything is opened: a pipe would wait for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def why_unreadable(path: str | os.PathLike[str], *, most_bytes: int) -> str | None:
    """Return why a path is no file of at most `most_bytes` bytes, or None where it is one.

    Example:
        >>> why_unreadable("missing.jpg", most_bytes=100), why_unreadable(os.curdir, most_bytes=100)
        ('no such file', 'a folder')
    """
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return "a link to a file that does not exist" if os.path.islink(path) else "no such file"  # noqa: PTH114
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        return _said(error)
    if stat.S_ISDIR(found.st_mode):
        return "a folder"
    if not stat.S_ISREG(found.st_mode):
        return "a pipe, socket or device, no file"
    if not found.st_size:
        return "an empty file"
    if found.st_size > most_bytes:
        return f"a file of {found.st_size:,} bytes; at most {most_bytes:,} are read"
    return None


def read_bounded(path: str | os.PathLike[str], *, most_bytes: int) -> bytes:
    """Return the bytes of a file that has at most `most_bytes`, and may be empty.

    Raises:
        OSError: it has more, is no file, or cannot be read.

    Example:
        >>> read_bounded(os.curdir, most_bytes=100)
        Traceback (most recent call last):
        ...
        OSError: a folder
    """
    reason = why_unreadable(path, most_bytes=most_bytes)
    if reason not in (None, "an empty file"):
        raise OSError(reason)
    return Path(path).read_bytes()


def why_missing(path: str | os.PathLike[str]) -> str | None:
    """Return what goes after "which" where nothing is at a path, or None where something is.

    Example:
        >>> why_missing("missing.keras"), why_missing(os.curdir)
        ('does not exist', None)
    """
    try:
        Path(path).stat()
    except FileNotFoundError:
        link = os.path.islink(path)  # noqa: PTH114  (of a path with a NUL, pathlib's raises)
        return "is a link to a file that does not exist" if link else "does not exist"
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = _said(error)
        if reason == "no such file":
            return "does not exist"
        return f"is {reason}" if reason.startswith("a ") else f"cannot be read ({reason})"
    return None


def _said(error: OSError | ValueError) -> str:
    number = getattr(error, "errno", None)
    if number == errno.ENOTDIR:
        return "no such file"
    if number == errno.ELOOP:
        return "a link that leads to itself"
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return "a name with a null character"  # Python's words for it are others in each version
    return getattr(error, "strerror", None) or str(error)
