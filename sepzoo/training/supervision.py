"""A process of several that is watched by another, so that the loss of one of the several is said in one line.

JAX ends a process by itself, with pages of native code, when another one of a run is lost; nothing in that process can
say anything after it. So the command line lets a second process train, and passes on what that says.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO

from sepzoo.support.errors import SepzooError
from sepzoo.support.exit_status import in_words
from sepzoo.training.distribution import Distribution, says_that_none_answers, says_that_one_is_lost
from sepzoo.training.run_processes import TIDYING, end

ERROR = "error: "
"""How the command line begins its one line."""
_NATIVE = re.compile(r"\[Gloo\] |[IWE]\d{4} [\d:.]+ +\d+ \S+\.(cc|h):\d+\]|WARNING: All log messages before absl::")
_FATAL = re.compile(r"F\d{4} [\d:.]+ +\d+ \S+\.(cc|h):\d+\]")
_JOINING = "RegisterTask"
"""What JAX was doing when no coordinator answered, or too few processes came."""
_GRACE = 10.0
"""Seconds in which a process that has said its error, or was told to stop, must be gone."""


def supervise(command: Sequence[str], said: Distribution) -> int:
    """Run a command that trains as one of several processes, and return its exit code.

    What it prints is passed on, but for what native code prints. It ends when this process does, by `follow_parent`.

    Args:
        command: of the process, with its arguments.
        said: which processes, completed.

    Raises:
        SepzooError: another process was lost or this one's was ended, or they did not come together.
        KeyboardInterrupt: this process was told to stop; the other has been too, and is gone.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"KERAS_BACKEND": "jax", **os.environ},
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C comes to this process alone, which hands it on once
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        heard = [_Heard(child.stdout, sys.stdout), _Heard(child.stderr, sys.stderr)]
        try:
            while child.poll() is None and not heard[1].error:
                time.sleep(0.1)
            end(child, _GRACE)
        except KeyboardInterrupt:
            child.terminate()
            end(child, TIDYING)
            raise
        finally:
            for each in heard:
                each.thread.join(_GRACE)
    if heard[1].error:
        return 2
    if heard[1].fatal:
        raise (says_that_none_answers if _JOINING in heard[1].fatal else says_that_one_is_lost)(said)
    if child.returncode < 0:
        raise SepzooError(
            "expected a process that trains to its end. Received: one that ended early "
            f"({in_words(child.returncode)}). Begin all processes again: the same commands go on from the "
            "last checkpoint."
        )
    return child.returncode


class _Heard:
    """A stream of the other process, read to its end."""

    def __init__(self, stream: IO[str], to: IO[str]) -> None:
        self.error = False
        self.fatal = ""
        self._stream = stream
        self._to = to
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        for line in self._stream:
            if self.fatal or _FATAL.match(line):
                self.fatal += line
            elif not self.error and not _NATIVE.match(line) and line != "interrupted\n":
                self._to.write(line)
                self._to.flush()
                self.error = line.startswith(ERROR)


def follow_parent() -> None:
    """End this process when the one that watches it has ended, whose pipe is its standard input."""

    def watch() -> None:
        while os.read(0, 1):  # not by `sys.stdin`, whose lock an exiting process would wait for
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
