"""The answers of a run that is under way, a line of JSON each, in a file from which the same command goes on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from sepzoo.support.errors import SepzooError

EACH = 100
"""After so many pictures a killed run finds its answers again."""

Answer = tuple[str, str | None, float]
"""A picture's name, its label and that one's probability; no label: the picture cannot be read."""


class Answers:
    """Context manager for the answers to be written to a CSV; one process at a time has them.

    Args:
        path: of the CSV; the answers lie beside it until it is written.
        title: of what run they are: answers of another are not taken up.

    Raises:
        SepzooError: another process writes this CSV.
    """

    def __init__(self, path: Path, title: str) -> None:
        self.done: set[str] = set()
        self._file = path.with_name(f".{path.name}.answers")
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
        self._target, self._title = path, title

    def __enter__(self) -> Answers:
        try:
            self._lock.acquire()
            self._take_up()
            self._lines = self._file.open("a", encoding="ascii")
        except Timeout:
            raise SepzooError(
                f"expected a CSV that nobody else writes. Received: {self._target}, which another process writes."
            ) from None
        except BaseException:  # such as a signal to stop: nobody calls __exit__ then
            self._unlock()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with contextlib.suppress(OSError):  # of a full disk, which has been told of
                self._lines.close()
        finally:
            self._unlock()

    def _unlock(self) -> None:
        if self._lock.is_locked:
            Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock.release()

    def add(self, answer: Answer) -> None:
        """Keep an answer."""
        self._lines.write(json.dumps(answer) + "\n")
        self.done.add(answer[0])
        if len(self.done) % EACH == 0:
            self._lines.flush()

    def all(self) -> Iterator[Answer]:
        """Yield the answers of all runs so far."""
        self._lines.flush()
        with self._file.open(encoding="ascii") as lines:
            next(lines)
            for line in lines:
                yield tuple(json.loads(line))

    def remove(self) -> None:
        """Delete the answers: the CSV has them."""
        self._file.unlink()

    def _take_up(self) -> None:
        """Find what an earlier run answered; a line that it was broken off in is cut away."""
        whole = 0
        if self._file.exists():
            with self._file.open("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n") or (whole == 0 and json.loads(line) != self._title):
                        break
                    if whole:
                        self.done.add(json.loads(line)[0])
                    whole += len(line)
        with self._file.open("ab") as file:
            file.truncate(whole)
            if not whole:
                file.write(json.dumps(self._title).encode() + b"\n")
