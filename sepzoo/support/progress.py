"""Progress and the time left, on standard error, for what takes more than a few seconds."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

from sepzoo.support.standard_error import standard_error

PATIENCE = 5.0
"""Seconds that nothing is said."""

Item = TypeVar("Item")


@contextlib.contextmanager
def announced(what: str, *, patience: float | None = None, terminal_only: bool = False) -> Iterator[None]:
    """Say what is going on once the block has taken longer than `patience` seconds (None: `PATIENCE`); else nothing.

    The line also comes through `sepzoo.support.quiet`, which silences all else.

    Args:
        what: the line.
        patience: seconds.
        terminal_only: whether it is said to somebody who waits alone, and not into files and pipes; so what takes long
            on slow machines only.

    Example:
        >>> with announced("opening the photographs"):
        ...     pass
    """
    if terminal_only and not _is_terminal():
        yield
        return
    with standard_error() as say:
        timer = threading.Timer(PATIENCE if patience is None else patience, say, [what])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def counted(
    items: Iterable[Item], total: int, what: str, *, patience: float | None = None
) -> Generator[Item, None, None]:
    """Yield the items, and say every `patience` seconds how many are done and how long the others will take.

    As with `announced`, the lines also come through `sepzoo.support.quiet`, be it around this or within.

    Example:
        >>> list(counted("abc", 3, "letters"))
        ['a', 'b', 'c']
    """
    left, last = time_left(total), time.monotonic()
    patience = PATIENCE if patience is None else patience
    with standard_error() as say:
        for number, item in enumerate(items):
            if time.monotonic() - last >= patience:
                last = time.monotonic()
                say(f"{number:,} of {total:,} {what}{left(number)}")
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


def _is_terminal() -> bool:
    """Return whether somebody sees standard error."""
    return sys.stderr is not None and sys.stderr.isatty()
