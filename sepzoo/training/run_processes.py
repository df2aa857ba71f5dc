"""Processes that train beside each other, and end with the one that began them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from types import TracebackType

_TIDYING = 60.0
"""Seconds that a process has to keep its state in, once it was told to stop."""


class RunProcesses:
    """Processes that are told to stop where the block that they are begun in is left by an exception.

    Example:
        >>> import sys
        >>> with RunProcesses() as processes:
        ...     processes.run([sys.executable, "-c", "exit(3)"])
        (3, '')
    """

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def __enter__(self) -> RunProcesses:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is not None:
            self.stop()

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command to its end, and return its exit code and its last words; none begins after `stop`.

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

    def stop(self) -> None:
        """Tell all to stop, and wait until they have; those that don't are ended."""
        with self._one_at_a_time:
            self._stopped = True
            running = tuple(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(_TIDYING)
            except subprocess.TimeoutExpired:
                process.kill()
