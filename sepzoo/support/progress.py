"""Progress and the time left, on standard error, for what takes more than a few seconds."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

PATIENCE = 5.0
"""Seconds that nothing is said."""

Item = TypeVar("Item")


@contextlib.contextmanager
def announced(what: str, *, patience: float = PATIENCE) -> Iterator[None]:
    """Say what is going on as soon as the block has taken longer than `patience` seconds; nothing where it is quick.

    The line also comes through `sepzoo.support.quiet`, which silences all else.

    Example:
        >>> with announced("opening the photographs"):
        ...     pass
    """
    with _standard_error() as say:
        timer = threading.Timer(patience, say, [what])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def counted(items: Iterable[Item], total: int, what: str, *, patience: float = PATIENCE) -> Iterator[Item]:
    """Yield the items, and say every `patience` seconds how many are done and how long the others will take.

    Example:
        >>> list(counted("abc", 3, "letters"))
        ['a', 'b', 'c']
    """
    left, last = time_left(total), time.monotonic()
    for number, item in enumerate(items):
        if time.monotonic() - last >= patience:
            last = time.monotonic()
            print(f"{number:,} of {total:,} {what}{left(number)}", file=sys.stderr, flush=True)  # noqa: T201
        yield item


def time_left(total: int) -> Callable[[int], str]:
    """Return a function that says, for a number of steps done of `total` equal ones, how long the rest takes.

    Nothing is said before the first step is done.

    Example:
        >>> time_left(3)(0)
        ''
    """
    started = time.monotonic()

    def text(done: int) -> str:
        if not done:
            return ""
        seconds = round((time.monotonic() - started) / done * (total - done))
        return f", about {seconds // 60}:{seconds % 60:02} left"

    return text


@contextlib.contextmanager
def _standard_error() -> Iterator[Callable[[str], object]]:
    """Yield what writes a line to where standard error goes now, also while it is turned elsewhere."""
    try:
        copy = os.dup(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):  # a notebook's or a test's stream is no file
        stream = sys.stderr
        yield lambda line: print(line, file=stream, flush=True)
        return
    try:
        yield lambda line: os.write(copy, f"{line}\n".encode())
    finally:
        os.close(copy)
