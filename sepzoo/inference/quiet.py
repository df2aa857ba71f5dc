"""Hold back what native code prints."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO


@dataclasses.dataclass
class Log:
    """What was printed; complete when the block has ended."""

    text: str = ""


@contextlib.contextmanager
def quiet() -> Iterator[Log]:
    """Keep everything that Python or native code prints within the block off the terminal, and return it in a `Log`.

    Standard output and error of the whole process are redirected meanwhile, so other threads fall silent too.

    Example:
        >>> with quiet() as log:
        ...     print("converter at work")
        >>> log.text
        'converter at work\\n'
    """
    log = Log()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        try:
            with _redirected(file), contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
                yield log
        finally:
            file.seek(0)
            log.text = file.read()


@contextlib.contextmanager
def _redirected(file: IO[str]) -> Iterator[None]:
    """Point the process's descriptors 1 and 2 at the file."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    try:
        for descriptor, _ in saved:
            os.dup2(file.fileno(), descriptor)
        yield
    finally:
        file.flush()
        for descriptor, copy in saved:
            os.dup2(copy, descriptor)
            os.close(copy)
