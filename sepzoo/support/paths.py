"""Telling paths from names where a text may be either."""

from __future__ import annotations

import os
import re
from pathlib import Path

_SUFFIX = re.compile(r".*\.[A-Za-z]\w*")


def is_path(text: str) -> bool:
    """Tell a path from a name: something is there, or it has a slash, a leading dot or tilde, or a suffix.

    Example:
        >>> [is_path(text) for text in ("mobilenet_v1", "x.hdf5", "runs/digits", "~")]
        [False, True, True, True]
    """
    slash = "/" in text or os.sep in text
    return slash or text.startswith((".", "~")) or bool(_SUFFIX.fullmatch(text)) or Path(text).exists()


def absolute(text: str) -> str:
    """Return a path that means the same from every folder, `~` expanded; links are kept.

    Example:
        >>> absolute("/data/../photos")
        '/photos'
    """
    return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111  (pathlib resolves links, or keeps `..`)
