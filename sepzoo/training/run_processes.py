"""Processes that train beside each other, and end with the one that began them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

TIDYING = 60.0
"""Seconds that a process has to keep its state in, once it was told to stop."""
_Found = TypeVar("_Found")


def end(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait for a process to end by itself, and end it where it takes longer."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class RunProcesses:
    """Processes that are told to stop where the block that they are begun in is left by an exception.

    Args:
        jobs: how many calls of `submit` go on at once.

    Example:
        >>> import sys
        >>> with RunProcesses() as processes:
        ...     processes.run([sys.executable, "-c", "exit(3)"])
        (3, '')
    """

    def __init__(self, jobs: int = 1) -> None:
        self._pool = ThreadPoolExecutor(max_workers=jobs)
        self._one_at_a_time = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def __enter__(self) -> RunProcesses:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is not None:
            self._stop()
        self._pool.shutdown()

    def submit(self, function: Callable[..., _Found], *arguments: Any) -> Future[_Found]:
        """Call a function, which may `run` commands, beside others; those that wait are left out where all stop."""
        return self._pool.submit(function, *arguments)

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command to its end, and return its exit code and its last words; none begins where all have stopped.

        Args:
            command: with its arguments.
        """
        with self._one_at_a_time:
            if self._stopped:
                return 1, "it was not begun"
            process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C comes to this process alone, which hands it on once
            )
            self._running.add(process)
        with process:
            _, words = process.communicate()
        with self._one_at_a_time:
            self._running.remove(process)
        return process.returncode, words

    def _stop(self) -> None:
        """Tell all to stop, and wait until they have; those that don't are ended."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._one_at_a_time:
            self._stopped = True
            running = tuple(self._running)
        for process in running:
            process.terminate()
        for process in running:
            end(process, TIDYING)
