"""A process that measures one thing, so that its memory, its threads and its first call are its own."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from sepzoo.benchmark.target import Target
from sepzoo.support.child import import_paths
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.exit_status import in_words
from sepzoo.support.types import Json

_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from sepzoo.benchmark.worker import serve; serve()"
_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
)  # fmt: skip


class Worker:
    """A process that has opened a target and runs it when it is asked to.

    Args:
        target: what it opens.
        threads: that it may use.
        trust: as `open_subject` takes it.

    Raises:
        SepzooError: the target can't be opened.
    """

    def __init__(self, target: Target, *, threads: int, trust: bool = False) -> None:
        self._target = target
        settings = {
            "target": {"label": target.label, "kind": target.kind, "text": target.text, "settings": target.settings},
            "threads": threads,
            "trust": trust,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, json.dumps(import_paths()), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **dict.fromkeys(_THREADS, str(threads))},
        )
        try:
            opened = self._receive()
        except BaseException:
            self.close()
            raise
        self.runtime: str = opened["runtime"]
        self.open_ms: float = opened["open_ms"]

    def first(self, batch: int) -> float:
        """Return the milliseconds of one run, the first of this batch size."""
        return float(self._ask({"do": "first", "batch": batch})["ms"])

    def turn(self, batch: int, seconds: float) -> tuple[float, ...]:
        """Return the milliseconds of each of as many runs as fit into the seconds, at least one."""
        return tuple(self._ask({"do": "turn", "batch": batch, "seconds": seconds})["ms"])

    def peak_memory(self) -> int | None:
        """Return the most bytes of memory that the process ever had; None on Windows, which doesn't tell."""
        return self._ask({"do": "memory"})["bytes"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, question: Json) -> Json:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        return self._receive()

    def _receive(self) -> Json:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            code = self._process.wait()
            raise SepzooError(
                f"{self._target.label}: expected a network that can be run. Received: one whose process crashed "
                f"({in_words(code)})."
            )
        answer = json.loads(line)
        if "error" in answer:
            raise SepzooError(answer["error"])
        return answer


def serve() -> None:
    """Open the target that the command line names, and answer questions, one a line: the other end of a `Worker`."""
    given = json.loads(sys.argv[2])
    target = Target(**given["target"])
    with os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        with Path(os.devnull).open("wb") as nowhere:  # what libraries print
            os.dup2(nowhere.fileno(), 1)

        def answer(value: Json) -> None:
            answers.write(json.dumps(value).encode() + b"\n")

        try:
            from sepzoo.benchmark.subject import open_subject

            start = time.perf_counter()
            subject = open_subject(target, threads=given["threads"], trust=given["trust"])
            answer({"runtime": subject.runtime, "open_ms": 1000 * (time.perf_counter() - start)})
            prepared = functools.cache(subject.prepare)
            for line in sys.stdin.buffer:
                question = json.loads(line)
                if question["do"] == "memory":
                    answer({"bytes": _peak_memory()})
                    continue
                run = prepared(question["batch"])
                answer({"ms": _timed(run) if question["do"] == "first" else _turn(run, question["seconds"])})
        except SepzooError as error:
            answer({"error": str(error)})
        except Exception as error:
            answer({"error": f"{target.label}: cannot be measured ({type(error).__name__}: {first_line(error)})."})


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def _turn(run: Callable[[], object], seconds: float) -> Sequence[float]:
    end = time.perf_counter() + seconds
    run()  # since others had the caches meanwhile
    found = [_timed(run)]
    while time.perf_counter() < end:
        found.append(_timed(run))
    return found


def _peak_memory() -> int | None:
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
        return 1024 * int(text.partition("VmHWM:")[2].split()[0])  # what `resource` says counts the parent's too
    except (OSError, IndexError, ValueError):  # no Linux
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS's, in bytes
