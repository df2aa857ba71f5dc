"""Being told to stop: what a terminal or a system sends interrupts as Ctrl-C does, so that all is tidied up."""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Ctrl-C; `kill`, `timeout`, `docker stop`, a queue's limit; a closed terminal
_AGAIN = 0.1
"""Seconds after which an interrupt comes again that Python could not pass on."""
_DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)


@dataclass
class Stop:
    """Whether the process was told to stop.

    Attributes:
        signal: the number of the signal; None: it was not.
    """

    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """By which shells tell a process that was stopped: 128 and the signal's number."""
        return 128 + (self.signal or signal.SIGINT)


@dataclass(frozen=True)
class _Interrupt:
    """The handler of a signal, which remembers that it came."""

    stop: Stop

    def __call__(self, number: int, frame: FrameType | None) -> NoReturn:
        self.stop.signal = number
        raise KeyboardInterrupt


@dataclass(frozen=True)
class _Swallowed:
    """What Python calls with exceptions that no caller can get, such as those in a callback of the garbage collector.

    An interrupt that came just there would be lost, and the process go on.
    """

    stop: Stop
    before: Callable[[UnraisableHookArgs], object]

    def __call__(self, unraisable: UnraisableHookArgs) -> None:
        if unraisable.exc_type is not KeyboardInterrupt or self.stop.signal is None:
            self.before(unraisable)
            return
        again = threading.Timer(_AGAIN, _signal_again, (self.stop.signal,))
        again.daemon = True
        again.start()


def _signal_again(number: int) -> None:
    """Let a signal come to the main thread that is handled there still; where systems allow it, out of a wait too."""
    if not callable(signal.getsignal(number)):
        return
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


@dataclass
class Held:
    """Signals to stop that wait for a good moment.

    Attributes:
        waits: whether one came.
    """

    _before: dict[signal.Signals, Callable[[int, FrameType | None], object]]
    _came: signal.Signals | None = None

    @property
    def waits(self) -> bool:
        """Whether a signal came, so that this would be the time to tidy up."""
        return self._came is not None

    def release(self) -> None:
        """Let the signal that waits, if any, do what it would have done at once."""
        if self._came is not None:
            number, self._came = self._came, None
            self._before[number](number, None)

    def hold(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first one waits, the second doesn't."""
        if self._came is not None:
            self._before[signal.Signals(number)](number, frame)
        self._came = signal.Signals(number)


@contextlib.contextmanager
def held_back() -> Iterator[Held]:
    """Let a signal that would interrupt wait within the block until `release` is called or the block ends.

    A second one interrupts at once.

    Example:
        >>> with stopped_by_signals(), held_back() as held:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     print("goes on to a good moment:", held.waits)
        ...     try:
        ...         held.release()
        ...     except KeyboardInterrupt:
        ...         print("interrupted")
        goes on to a good moment: True
        interrupted
    """
    here = _here() if threading.current_thread() is threading.main_thread() else []
    before = {number: handler for number in here if callable(handler := signal.getsignal(number))}
    held = Held(before)
    try:
        for number in before:
            signal.signal(number, held.hold)
        yield held
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    held.release()


def raise_if_stopped() -> None:
    """Raise `KeyboardInterrupt` once more if a signal came; native code that calls Python may have swallowed the first.

    Call it behind such code, before what it made is put in its place.

    Example:
        >>> with stopped_by_signals():
        ...     raise_if_stopped()
    """
    for number in _here():
        handler = signal.getsignal(number)
        if isinstance(handler, _Interrupt) and handler.stop.signal is not None:
            raise KeyboardInterrupt


def _here() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]  # Windows has no SIGHUP


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Raise `KeyboardInterrupt` where one of the signals comes within the block; those that are ignored stay so.

    Example:
        >>> with stopped_by_signals() as stop:
        ...     try:
        ...         signal.raise_signal(signal.SIGTERM)
        ...     except KeyboardInterrupt:
        ...         print(stop.exit_code)
        143
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():  # only there can signals be handled
        yield stop
        return
    before, hook = {number: signal.getsignal(number) for number in _here()}, sys.unraisablehook
    try:
        sys.unraisablehook = _Swallowed(stop, hook)
        for number, handler in before.items():
            if handler in _DEFAULTS:
                signal.signal(number, _Interrupt(stop))
        yield stop
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            if handler in _DEFAULTS:
                signal.signal(number, handler)
