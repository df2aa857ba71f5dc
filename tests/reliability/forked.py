"""Commands in processes of their own, forked from one that has imported TensorFlow: a kill costs a second, not ten."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.test_imports import ROOT

FOLDER_PROGRAM = ROOT / "applications" / "folder" / "classify_folder.py"
_FRESH = multiprocessing.get_context("spawn")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.reliability.preloaded"])

Fault = Callable[[], None]
"""What befalls the process before the command runs; a function of a module, since it is pickled."""


@dataclass(frozen=True)
class Done:
    """How a process ended: its exit code, negative for the signal that killed it; what it printed; how long it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def peak_kib(self) -> int:
        """The most memory that the process had, as Linux counts it; it prints that last."""
        return int(self.out.rpartition("VmHWM:")[2].split()[0])


def run(
    line: Sequence[str | Path],
    cwd: Path,
    *,
    fault: Fault | None = None,
    stop: signal.Signals = signal.SIGKILL,
    after: float | None = None,
    stop_when: Callable[[], bool] | None = None,
    fresh: bool = False,
) -> Done:
    """Run `sepzoo LINE`, or the folder program where the line begins with its path.

    Args:
        line: arguments.
        cwd: the folder to be in.
        fault: what happens in the process first.
        stop: the signal that it is sent.
        after: so many seconds; None: none is sent.
        stop_when: or as soon as this is true.
        fresh: whether the process has imported nothing: for its memory to be its own.
    """
    with tempfile.TemporaryDirectory() as place:
        texts = [Path(place, name) for name in ("out", "err")]
        for text in texts:
            text.touch()
        process = (_FRESH if fresh else _CONTEXT).Process(
            target=_work, args=([str(part) for part in line], cwd, texts, fault)
        )
        started = time.monotonic()
        process.start()
        if stop_when is not None:
            while process.is_alive() and not stop_when():
                time.sleep(0.005)
            after = 0.0
        if after is not None:
            process.join(after)
            if process.is_alive():
                assert process.pid is not None
                os.kill(process.pid, stop)
        process.join()
        assert process.exitcode is not None
        out, err = (text.read_text(encoding="utf-8", errors="replace") for text in texts)
        return Done(process.exitcode, out, err, time.monotonic() - started)


def _work(line: list[str], cwd: Path, texts: list[Path], fault: Fault | None) -> None:
    """Be the command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born deaf to it
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and what `nohup` starts to this
    os.chdir(cwd)
    for descriptor, text in zip((1, 2), texts, strict=True):
        os.dup2(os.open(text, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w", buffering=1) for number in (1, 2))
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    tempfile.tempdir = None  # which would be remembered
    if fault is not None:
        fault()
    try:
        if line[0] == str(FOLDER_PROGRAM):
            sys.argv, sys.path = line, [str(FOLDER_PROGRAM.parent), *sys.path]
            runpy.run_path(line[0], run_name="__main__")
        else:
            from sepzoo.cli import main

            main(line)
    finally:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        sys.stdout.write(next(row for row in status.splitlines() if row.startswith("VmHWM")) + "\n")
