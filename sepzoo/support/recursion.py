"""Room for networks of hundreds of layers, whose graph Keras follows by one nested call a layer."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

LIMIT = 100_000


@contextlib.contextmanager
def deep_recursion() -> Iterator[None]:
    """Raise Python's limit of nested calls within the block, for Keras to build, load or copy a deep network.

    Keras's constructor of functional models fails beyond about 900 layers in a row otherwise. Such calls take no
    space of the interpreter's own stack from Python 3.11 on.

    Example:
        >>> with deep_recursion():
        ...     sys.getrecursionlimit() >= LIMIT
        True
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
