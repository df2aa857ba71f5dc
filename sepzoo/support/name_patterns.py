"""Names of layers, as users name them."""

from __future__ import annotations

from fnmatch import fnmatchcase


def fits(name: str, pattern: str) -> bool:
    """Return whether a text names a layer: it is its name, be there brackets in it, or a pattern with shell wildcards.

    Example:
        >>> fits("conv[1]", "conv[1]"), fits("conv1", "conv?"), fits("conv1", "dense*")
        (True, True, False)
    """
    return name == pattern or fnmatchcase(name, pattern)
