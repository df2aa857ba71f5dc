"""Whether a path can be read as a file at all, before anything is opened: a pipe would wait for ever."""

from __future__ import annotations

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
        return "no such file"
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        return getattr(error, "strerror", None) or str(error)
    if stat.S_ISDIR(found.st_mode):
        return "a folder"
    if not stat.S_ISREG(found.st_mode):
        return "a pipe, socket or device, no file"
    if not found.st_size:
        return "an empty file"
    if found.st_size > most_bytes:
        return f"a file of {found.st_size:,} bytes; at most {most_bytes:,} are read"
    return None
