"""A Python process with limits on time and memory, for what may crash, hang or grow."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from types import TracebackType

from sepzoo.support.exit_status import in_words
from sepzoo.support.lazy import load_function
from sepzoo.support.types import Json

_PACKAGES = Path(__file__).resolve().parents[2]
"""The folder that holds this package."""

_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from sepzoo.support.child import serve; serve()"
_ENVIRONMENT = {
    "HDF5_PLUGIN_PRELOAD": "::",  # HDF5 loads no plug-in, whatever a file asks for
    "HDF5_USE_FILE_LOCKING": "FALSE",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # else it reserves memory for each core
}


def import_paths() -> list[str]:
    """Return the folders, and archives, in which a process finds what this one can import."""
    return [path for path in (str(_PACKAGES), *sys.path) if path and Path(path).exists()]


class ChildError(Exception):
    """The process gave no answer; the text completes "the process that …"."""


class Child:
    """A process that answers questions by one function, one after another, until it is closed.

    It starts without `site` and the user's settings, with the same packages to import from, and writes no file. Where
    the system has no limits (the module `resource` is missing) it runs without them and says so; its time on the clock
    is limited everywhere.

    Args:
        function: as "module:function"; it takes and returns what JSON holds.
        seconds: of computing for one question.
        memory: in bytes, its libraries included.

    Example:
        >>> with Child("math:sqrt", seconds=5, memory=2**30) as child:
        ...     child.ask(9), child.ask(16)
        (3.0, 4.0)
    """

    def __init__(self, function: str, *, seconds: int, memory: int) -> None:
        settings = json.dumps({"function": function, "seconds": seconds, "memory": memory})
        self._seconds = seconds
        self._begun = False
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps(import_paths()), settings],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT},
            )
        except OSError as error:
            raise ChildError(f"could not start ({error})") from None

    def ask(self, question: Json, *, seconds: float = 0) -> Json:
        """Return the function's answer.

        Args:
            question: what it is called with.
            seconds: on the clock beside those of computing, for slow disks.

        Raises:
            ChildError: it raised, crashed, or went over a limit; it is closed then, but for what it raised.
        """
        self.post(question)
        return self.answer(seconds=seconds)

    def post(self, question: Json) -> None:
        """Hand over a question, and don't wait: it may still be starting.

        Raises:
            ChildError: it has ended.
        """
        try:
            self._send(question)
        except ChildError:
            self.close()
            raise

    def answer(self, *, seconds: float = 0) -> Json:
        """Return the function's answer to the question that was posted, as `ask` does."""
        try:
            if not self._begun:
                self._begin()
            answer = self._receive(self._seconds + seconds)
        except ChildError:
            self.close()
            raise
        if "error" in answer:
            raise ChildError(answer["error"])
        return answer["value"]

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close() if stream else None
        self._process.wait()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        try:
            limited = self._receive(self._seconds + 30)  # a busy machine may take long to start it
        except ChildError:
            raise ChildError("did not start") from None
        self._begun = True
        if not limited:
            warnings.warn(
                "this system has no limits on a process's memory: a hostile file can fill it until its time is over",
                RuntimeWarning,
                stacklevel=2,
            )

    def _send(self, question: Json) -> None:
        assert self._process.stdin is not None
        if self.closed:
            raise ChildError("has ended")
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise ChildError("has ended") from None

    def _receive(self, seconds: float) -> Json:
        assert self._process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        clock = threading.Timer(seconds, stop)
        clock.start()
        try:
            line = self._process.stdout.readline()
        finally:
            clock.cancel()
        if line.endswith(b"\n"):
            return json.loads(line)
        code = self._process.wait()
        if late.is_set() or code == -getattr(signal, "SIGXCPU", 0):
            raise ChildError(f"took more than {self._seconds} seconds")
        raise ChildError(f"crashed ({in_words(code)})")


def serve() -> None:
    """Answer the questions on standard input, one a line, until there are no more: the other end of a `Child`."""
    settings = json.loads(sys.argv[2])
    # What libraries print goes nowhere: the answers have a descriptor of their own.
    with os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 1)
        limited = _limit_memory(settings["memory"])
        answers.write(json.dumps(limited).encode() + b"\n")
        function = None
        for line in sys.stdin.buffer:
            _limit_time(settings["seconds"])
            try:
                function = function or load_function(settings["function"])
                answer = {"value": function(json.loads(line))}
            except MemoryError:
                answer = {"error": f"needs more than {settings['memory'] >> 20:,} MiB"}
            except Exception as error:
                answer = {"error": f"failed ({type(error).__name__}: {error})"}
            answers.write(json.dumps(answer).encode() + b"\n")


def _limit_memory(size: int) -> bool:
    """Set the limits that hold for the whole process; return whether the system knows them."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    except (ImportError, ValueError, OSError):  # Windows; macOS, which takes none for memory
        return False
    return True


def _limit_time(seconds: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime) + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
