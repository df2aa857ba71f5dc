"""What befalls a process: a kill at a certain change of files, a clock that jumps, another user, a limit on files."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "tempfile.mkdtemp", "ctypes.dlsym")
"""Events of Python that come before a file or folder changes; the last one before two names are exchanged."""


@dataclass(frozen=True)
class KilledAtChange:
    """The process is killed before the n-th change of files that Python makes; where there are fewer, it goes on.

    Attributes:
        number: counted from 1.
        count: a file for the number of changes so far; None: they are not counted.
    """

    number: int
    count: Path | None = None

    def __call__(self) -> None:
        count, seen = self.count, itertools.count(1)
        busy = False

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal busy
            if busy or not (event in _CHANGES or (event == "open" and _writes(arguments))):
                return
            number = next(seen)
            if number == self.number:
                os.kill(os.getpid(), signal.SIGKILL)
            if count is not None:
                busy = True
                count.write_text(str(number), encoding="ascii")
                busy = False

        sys.addaudithook(watch)


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


@dataclass(frozen=True)
class JumpingClock:
    """At each reading the clock has jumped, by up to so many seconds forward or back.

    Attributes:
        seed: decides how far.
        seconds: the most.
        start: at which time the clock begins, in seconds since 1970; None: now.
    """

    seed: int
    seconds: float
    start: float | None = None

    def __call__(self) -> None:
        jumps, now = random.Random(self.seed), time.time
        begin = 0.0 if self.start is None else self.start - now()

        def jumped() -> float:
            return now() + begin + jumps.uniform(-self.seconds, self.seconds)

        time.time = jumped
        time.time_ns = _nanoseconds(jumped)


@dataclass(frozen=True)
class Both:
    """Two faults, one after the other."""

    first: Callable[[], None]
    second: Callable[[], None]

    def __call__(self) -> None:
        self.first()
        self.second()


def _nanoseconds(clock: Callable[[], float]) -> Callable[[], int]:
    return lambda: int(clock() * 1e9)


@dataclass(frozen=True)
class FileLimit:
    """No file may grow beyond so many bytes: what a disk without room is to a writer, for users who can't mount one."""

    size: int

    def __call__(self) -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.size))
