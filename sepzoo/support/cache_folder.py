"""Where this package keeps on disk what it can find out again."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "SEPZOO_CACHE"


def cache_folder(*parts: str) -> Path:
    """Return the folder of what is kept, which need not exist: `$SEPZOO_CACHE`, else `~/.cache/sepzoo`.

    Where `$XDG_CACHE_HOME` is set, that stands for `~/.cache`, as other programs have it.

    Args:
        parts: names of folders within it.

    Example:
        >>> import os
        >>> from unittest import mock
        >>> with mock.patch.dict(os.environ, SEPZOO_CACHE="/var/cache/zoo"):
        ...     print(cache_folder("operators").as_posix())
        /var/cache/zoo/operators
    """
    own = os.environ.get(VARIABLE)
    if own:
        return Path(own).expanduser().joinpath(*parts)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().joinpath("sepzoo", *parts)
