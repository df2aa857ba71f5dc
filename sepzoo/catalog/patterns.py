"""Choosing names by shell wildcards."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence

Patterns = str | Sequence[str]


def matching(names: Iterable[str], pattern: Patterns = "*", *, exclude: Patterns = ()) -> list[str]:
    """Return the names that match a shell wildcard, or one of several, and none of `exclude`, in their order.

    Example:
        >>> matching(["vgg16", "vgg19", "vgg16_separable"], "vgg*", exclude="*_*")
        ['vgg16', 'vgg19']
    """
    wanted, unwanted = ([p] if isinstance(p, str) else list(p) for p in (pattern, exclude))
    return [
        name
        for name in names
        if any(fnmatch.fnmatchcase(name, p) for p in wanted) and not any(fnmatch.fnmatchcase(name, p) for p in unwanted)
    ]
