"""Where people are spoken to, also while standard error is turned elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TypeAlias

Say: TypeAlias = Callable[[str], object]
"""Writes a line."""


@contextlib.contextmanager
def standard_error() -> Iterator[Say]:
    """Yield what writes a line to where standard error goes now, also while it is turned elsewhere later.

    Within `sepzoo.support.quiet`, to where it went before.
    """
    stream = sys.stderr
    before: Say | None = getattr(stream, "say", None)
    if before is not None:
        yield before
        return
    try:
        copy = os.dup(stream.fileno())
    except (OSError, ValueError, AttributeError):  # a notebook's or a test's stream is no file
        yield lambda line: print(line, file=stream, flush=True)
        return
    try:
        yield lambda line: os.write(copy, f"{line}\n".encode())
    finally:
        os.close(copy)
