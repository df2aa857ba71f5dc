"""May a file be loaded? It is read by another process first, with limits on time and memory and without Keras."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sepzoo.artifact.inspection.formats import OPENVINO, STABLEHLO, fits
from sepzoo.artifact.inspection.records import Inspection
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.checked_files import is_known, mark_known, states
from sepzoo.support.child import Child, ChildError
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.printable import printable
from sepzoo.support.regular_file import why_missing
from sepzoo.support.types import Json


@dataclasses.dataclass(frozen=True)
class _Reading:
    """A file that is being read: what was asked, what the file was then, and which process reads it."""

    question: Json
    states: object
    child: Child


_CHILD: contextvars.ContextVar[Child | None] = contextvars.ContextVar("child", default=None)

_AHEAD: contextvars.ContextVar[list[_Reading] | None] = contextvars.ContextVar("ahead", default=None)
"""The file that is being read already, until its answer is asked for."""

_TRUST: contextvars.ContextVar[bool] = contextvars.ContextVar("trust", default=False)

_DAMAGED = {
    ".keras": "expected a .keras archive, the file is damaged or another thing ({why}).",
    ".tflite": "expected a TFLite file. Received: a damaged one ({why}).",
    ".xml": "expected an OpenVINO model. Received: a damaged one ({why}).",
    ".html": "expected a page with a network in it. Received: a damaged one ({why}).",
    ".onnx": "expected an ONNX file. Received: a damaged one ({why}).",
    ".stablehlo": "expected a StableHLO model. Received: a damaged one ({why}).",
    "": "expected a SavedModel. Received: a damaged one ({why}).",
}
"""Suffix of a file, or of that by which a folder is told -> what is said of a damaged one; of other folders ""."""
_OTHERWISE = "the file is damaged or another thing than its name says ({why})."


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Return what is in a model's file or folder: its format, layers, arrays, and whether it would run code.

    Nothing is loaded, and Keras and TensorFlow are not imported. The format is told by the content.

    Raises:
        SepzooError: no such file, a damaged one, or one beyond `sepzoo.support.bounds.BOUNDS`.

    Example:
        >>> inspect("model.keras")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: model.keras: no such file.
    """
    source = Path(path)
    missing = why_missing(source)
    if missing == "does not exist":
        raise SepzooError(f"{source}: no such file.")
    if missing is not None:
        raise SepzooError(f"expected a file or a folder. Received: {source}, which {missing}.")
    return _asked(source, try_out=False)


def check(path: str | os.PathLike[str], *, trust: bool = False) -> None:
    """See that a file may be loaded, and remember it until it changes.

    One that this process wrote or checked before is not looked at again. A missing one is its reader's to name.

    Args:
        path: of a model or weights.
        trust: whether to take it unseen.

    Raises:
        SepzooError: it is damaged, beyond a bound, another thing than its suffix says, would run code or read other
            files, or its reader crashes or goes over a limit.
    """
    source = Path(path)
    if not source.exists() or is_known(source):
        return
    now = states(source)
    if not trust and not _TRUST.get():
        _refuse(source, _asked(source, try_out=True))
    mark_known(source, now)


@contextlib.contextmanager
def one_child() -> Iterator[None]:
    """Let one process check all files within the block, instead of one each; one that crashed is replaced.

    Example:
        >>> with one_child():
        ...     pass  # open a thousand files
    """
    if _CHILD.get() is not None:
        yield
        return
    token = _CHILD.set(_started())
    try:
        yield
    finally:
        child = _CHILD.get()
        _CHILD.reset(token)
        if child is not None:
            child.close()


@contextlib.contextmanager
def asked_ahead(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let a process read a file while this one imports what loads it: `check` then waits for what is left alone.

    Example:
        >>> with asked_ahead("model.keras"):
        ...     import keras
    """
    source, ahead = Path(path), list[_Reading]()
    token = _AHEAD.set(ahead)
    try:
        if source.is_file() or source.is_dir():
            with contextlib.suppress(ChildError):  # it is asked anew, and then told of
                question = _question(source, try_out=True)
                ahead.append(_Reading(question, states(source), _started()))
                ahead[0].child.post(question)
        yield
    finally:
        _AHEAD.reset(token)
        for each in ahead:
            each.child.close()


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Trust all files that are opened within the block.

    Example:
        >>> with unchecked():
        ...     check("mine.keras")
    """
    token = _TRUST.set(True)
    try:
        yield
    finally:
        _TRUST.reset(token)


def is_trusted() -> bool:
    """Return whether this runs within a block of `unchecked`."""
    return _TRUST.get()


def answer(question: Json) -> Json:
    """Return the inspection of `question["path"]`, or why there is none: what the other process runs."""
    from sepzoo.artifact.inspection.reading import read
    from sepzoo.artifact.inspection.trial_run import TRIALS

    path = Path(os.fsdecode(bytes.fromhex(question["path"])))
    try:
        found = read(path, values=question["try_out"])
        if question["try_out"] and fits(path, found.format) and not (found.runs_code or found.reads_files):
            TRIALS.get(found.format, _not_tried)(path)
    except MemoryError:
        raise
    except NotImplementedError as error:
        return {"unread": first_line(error)}
    except Exception as error:
        return {"refused": first_line(error)}
    return {"found": found.to_dict()}


def _not_tried(path: Path) -> None:
    """Leave files of the other formats alone."""


def _asked(path: Path, *, try_out: bool) -> Inspection:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise SepzooError(f"expected a file or a folder. Received: {path}, which is a pipe or a device.")
    seconds, ahead = status.st_size / BOUNDS.bytes_a_second, _begun(path) if try_out else None
    try:
        if ahead is not None:
            with ahead as child:
                reply = child.answer(seconds=seconds)
        else:
            reply = _ask(_question(path, try_out=try_out), seconds=seconds)
    except ChildError as error:
        raise SepzooError(
            f"{path}: expected a file that is read within {BOUNDS.seconds} seconds and {BOUNDS.memory >> 30} GiB. "
            f"Received: one whose checking process {error}. It was not loaded; ask where it comes from."
        ) from None
    if "unread" in reply:
        raise SepzooError(f"{path}: expected a file whose tensors are numbers. Received: {printable(reply['unread'])}.")
    if "refused" in reply:
        folder = next((name for name in (OPENVINO, STABLEHLO) if (path / name).is_file()), "")
        text = _DAMAGED.get(Path(folder).suffix if path.is_dir() else path.suffix, _OTHERWISE).format(
            why=printable(reply["refused"])
        )
        raise SepzooError(f"{path}: {text}")
    return Inspection.from_dict({**reply["found"], "path": str(path)})


def _question(path: Path, *, try_out: bool) -> Json:
    return {"path": os.fsencode(path.resolve()).hex(), "try_out": try_out}


def _begun(path: Path) -> Child | None:
    """Return the process that reads a file already, as the file is now; it answers once."""
    ahead = _AHEAD.get() or []
    if not ahead or ahead[0].question != _question(path, try_out=True):
        return None
    reading = ahead.pop()
    if reading.states == states(path):
        return reading.child
    reading.child.close()
    return None


def _ask(question: Json, *, seconds: float) -> Json:
    shared = _CHILD.get()
    if shared is None:
        with _started() as child:
            return child.ask(question, seconds=seconds)
    if shared.closed:
        shared = _started()
        _CHILD.set(shared)
    return shared.ask(question, seconds=seconds)


def _started() -> Child:
    return Child(f"{__name__}:answer", seconds=BOUNDS.seconds, memory=BOUNDS.memory)


def _refuse(path: Path, found: Inspection) -> None:
    if not fits(path, found.format):
        raise SepzooError(
            f"{path}: expected a {path.suffix} file, as its name says. Received: {found.format}. Rename it."
        )
    for code in found.runs_code:
        if found.format in (".npz", ".npy"):
            raise SepzooError(f"{path}: {_OTHERWISE.format(why=printable(code))}")
        raise SepzooError(
            f"{path}: expected a file of weights and layers alone. Received: {printable(code)}. It was not loaded; ask "
            "where it comes from."
        )
    for place in found.reads_files:
        raise SepzooError(
            f"{path}: expected a file that holds all its values itself. Received: {printable(place)}. It was not "
            "read; ask where the file comes from."
        )
