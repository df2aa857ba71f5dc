"""Hold back what native code prints."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import IO

from sepzoo.support.standard_error import Say, standard_error


@dataclasses.dataclass
class Log:
    """What was printed; complete when the block has ended."""

    text: str = ""


@contextlib.contextmanager
def quiet() -> Iterator[Log]:
    r"""Keep everything that Python or native code prints within the block off the terminal, and return it in a `Log`.

    Standard output and error of the whole process are redirected meanwhile, so other threads fall silent too; lines of
    progress come through.

    Example:
        >>> with quiet() as log:
        ...     print("converter at work")
        >>> log.text
        'converter at work\n'
    """
    log = Log()
    with tempfile.TemporaryFile("w+", buffering=1, encoding="utf-8", errors="replace") as file:
        try:
            with standard_error() as say, held_descriptors(file, 1, 2), _held_streams(file, say):
                yield log
        finally:
            file.seek(0)
            log.text = file.read()


@contextlib.contextmanager
def errors_only(logger: str) -> Iterator[None]:
    """Let a Python logger speak of errors only within the block.

    Example:
        >>> with errors_only("tensorflow"):
        ...     logging.getLogger("tensorflow").warning("5 out of the last 27 calls triggered retracing")
    """
    speaker = logging.getLogger(logger)
    level = speaker.level
    speaker.setLevel(logging.ERROR)
    try:
        yield
    finally:
        speaker.setLevel(level)


@contextlib.contextmanager
def warnings_after() -> Iterator[None]:
    """Give the warnings of the block when it has ended, also by an error: around `quiet`, which would swallow them.

    Example:
        >>> with warnings_after(), quiet():
        ...     print("a greeting")
    """
    given: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as given:
            yield
    finally:
        for each in given:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


@contextlib.contextmanager
def held_descriptors(file: IO[str], *descriptors: int) -> Iterator[None]:
    """Redirect descriptors of the process (1: standard output, 2: standard error) to the file within the block."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [(descriptor, os.dup(descriptor)) for descriptor in descriptors]
    try:
        for descriptor, _ in saved:
            os.dup2(file.fileno(), descriptor)
        yield
    finally:
        file.flush()
        for descriptor, copy in saved:
            os.dup2(copy, descriptor)
            os.close(copy)


@contextlib.contextmanager
def _held_streams(file: IO[str], say: Say) -> Iterator[None]:
    """Point Python's own streams at the file: in a notebook or a test they are not the descriptors."""
    streams = _Stream(file), _Spoken(file, say)
    originals = sys.stdout, sys.stderr
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            yield
    finally:
        for stream, original in zip(streams, originals, strict=True):
            stream.target = original


class _Stream(io.TextIOBase):
    """A stream that can be turned back: log handlers made within the block keep it for good."""

    def __init__(self, target: IO[str]) -> None:
        self.target = target

    def write(self, text: str) -> int:
        return self.target.write(text)

    def flush(self) -> None:
        self.target.flush()


class _Spoken(_Stream):
    """Standard error's: progress is said past it."""

    def __init__(self, target: IO[str], say: Say) -> None:
        super().__init__(target)
        self.say = say
