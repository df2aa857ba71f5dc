"""The folder of a run: what it holds, what of it is whole, and who may write to it."""

from __future__ import annotations

import contextlib
import json
import shutil
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from sepzoo.data.picture_files import named
from sepzoo.support.atomic import atomic_write
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import is_one_line, printable
from sepzoo.support.regular_file import read_bounded
from sepzoo.support.types import Json
from sepzoo.support.workspace import is_workspace, sweep
from sepzoo.training.checkpoint import DamagedError, State
from sepzoo.training.early_stopping import is_complete
from sepzoo.training.finished_run import Epoch, Result, Run, best_of
from sepzoo.training.recipe import Recipe

LOCK = ".lock"
DAMAGED = "damaged"
_FILES = ("state.npz", "state_before.npz", "metrics.jsonl", "best.keras", "last.keras", "result.json", "exports.json")
RUN_FILES = ("recipe.yaml", *_FILES)
"""What a run goes on from."""

_EPOCH, _RESULT = TypeAdapter(Epoch), TypeAdapter(Result)
_Record = TypeVar("_Record")


class DamagedRunWarning(UserWarning):
    """A file of a run is damaged; what is whole was taken."""


@dataclass(frozen=True)
class RunFolder:
    """The files of a run, finished or not.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def state(self) -> Path:
        """What resuming needs."""
        return self.path / "state.npz"

    @property
    def state_before(self) -> Path:
        """The state that was kept before that one, should that be damaged."""
        return self.path / "state_before.npz"

    @property
    def best(self) -> Path:
        """The network of the best epoch."""
        return self.path / "best.keras"

    @property
    def last(self) -> Path:
        """The network of the last epoch."""
        return self.path / "last.keras"

    def check(self, recipe: Recipe) -> None:
        """See that the folder is free, or of this recipe, or of a shorter run of it that is done.

        Raises:
            SepzooError: another recipe ran there, the folder holds other files, or its path is no UTF-8 text.
        """
        if not is_one_line(str(self.path.absolute())):
            raise SepzooError(
                "expected a run folder whose path is UTF-8 text, since TensorBoard can write to no other. Received: "
                f"{printable(str(self.path.absolute()))}. Name another folder."
            )
        if self.path.exists() and not self.path.is_dir():
            raise SepzooError(f"expected a folder to run in. Received: {self.path}, which is a file.")
        names = {path.name for path in self.path.iterdir()} if self.path.is_dir() else set()
        if "recipe.yaml" not in names:
            if names & set(_FILES):
                raise SepzooError(
                    f"expected a new folder, or one of a run. Received: {self.path}, a run without its recipe.yaml. "
                    "Put that back, or name another folder."
                )
            if any(name != LOCK and not is_workspace(name) for name in names):
                raise SepzooError(
                    f"expected a new folder, or one of a run. Received: {self.path}, which holds other files."
                )
            return
        stored = self.recipe()
        difference = _difference(stored.what_decides(), recipe.what_decides())
        if difference.startswith("epochs=") and recipe.epochs > stored.epochs:
            longer = stored.model_copy(update={"epochs": recipe.epochs})
            difference = _difference(longer.what_decides(), recipe.what_decides())
            if not difference and not is_complete(self.history(stored.epochs), stored):
                raise SepzooError(
                    f"expected a run that is done, to make it longer. Received: {self.path}, which was broken off "
                    f"before its {stored.epochs} epochs. Finish it first, with epochs={stored.epochs}."
                )
        if difference:
            raise SepzooError(
                f"expected a new folder, or one of this recipe. Received: {self.path}, where another ran: "
                f"{difference}. Name another folder."
            )

    def check_classes(self, class_names: tuple[str, ...]) -> None:
        """See that a run that was broken off goes on with the classes it began with, in the same order.

        Raises:
            SepzooError: the data has other classes now.
        """
        from sepzoo.artifact.model_file import read_metadata

        last, began = self.path / "last.keras", None
        if self.state.exists() and last.is_file():
            with contextlib.suppress(SepzooError):  # a damaged file says nothing
                began = read_metadata(last)
        if began is not None and began.labels not in (None, class_names):
            raise SepzooError(
                f"expected the classes with which {self.path} began, in their order. Received: {named(class_names)} "
                f"instead of {named(began.labels or ())}. Name another folder."
            )

    def recipe(self) -> Recipe:
        """Return the recipe as run.

        Raises:
            SepzooError: the file is gone or damaged.
        """
        return Recipe.load(self.path / "recipe.yaml")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other processes, and remove what a killed one left half-written.

        The lock dies with its process. A folder that is still empty at the end is removed.

        Raises:
            SepzooError: another process has the lock.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise SepzooError(
                f"expected a folder in which nothing runs. Received: {self.path}, where another process trains. Wait "
                "for it, or name another folder."
            ) from None
        try:
            sweep(self.path)
            yield
        finally:
            (self.path / LOCK).unlink(missing_ok=True)
            lock.release()
            with contextlib.suppress(OSError):
                self.path.rmdir()

    def begin(self, recipe: Recipe) -> None:
        """Write the recipe; that of a run which is resumed keeps its versions, and gets the new words."""
        if not (self.path / "recipe.yaml").exists():
            return self._write("recipe.yaml", recipe.model_copy(update={"earlier_epochs": ()}).to_yaml())
        stored = self.recipe()
        kept = {"versions": stored.versions, "earlier_epochs": stored.earlier_epochs}
        if recipe.epochs > stored.epochs:
            for name in ("result.json", "exports.json"):
                (self.path / name).unlink(missing_ok=True)
            kept["earlier_epochs"] = (*stored.earlier_epochs, stored.epochs)
        new = recipe.model_copy(update=kept)
        if new != stored:
            self._write("recipe.yaml", new.to_yaml())
        return None

    def done(self) -> tuple[int, int]:
        """Return after how many epochs, and steps of the next, the run would go on; a damaged state is that of none."""
        try:
            state = State.read(self.state)
        except DamagedError:
            return 0, 0
        return state.epochs, state.steps

    def history(self, epochs: int) -> list[Epoch]:
        """Return the records of the first `epochs` that can be read; those of epochs beyond them are left out."""
        try:
            lines = read_bounded(self.path / "metrics.jsonl", most_bytes=BOUNDS.json).splitlines()
        except OSError:
            return []
        records = (_parsed(_EPOCH, line) for line in lines)
        found = {record.epoch: record for record in records if record is not None and 1 <= record.epoch <= epochs}
        return [found[epoch] for epoch in sorted(found)]

    def write_history(self, history: Sequence[Epoch]) -> None:
        """Write one line of JSON for each epoch."""
        self._write("metrics.jsonl", "".join(json.dumps(asdict(epoch)) + "\n" for epoch in history))

    def write_result(self, result: Result) -> None:
        """Write the end of the run, which marks it as finished."""
        self._write("result.json", json.dumps(asdict(result), indent=1) + "\n")

    def finished(self) -> Run | None:
        """Return the run, or None while it is not finished.

        What is damaged is said in a `DamagedRunWarning`; a result that is damaged, or not of this history, is none.

        Raises:
            SepzooError: the recipe is gone or damaged.
        """
        file = self.path / "result.json"
        if not file.is_file():
            return None
        recipe = self.recipe()
        history = self.history(recipe.epochs)
        try:
            result = _parsed(_RESULT, read_bounded(file, most_bytes=BOUNDS.json))
        except OSError:
            result = None
        if result is None:
            self.warn(f"{file} is damaged")
            return None
        if not is_complete(history, recipe):
            self.warn(
                f"{self.path / 'metrics.jsonl'}: {len(history)} of {recipe.epochs} epochs can be read, the figures of "
                "result.json stand"
            )
        elif (result.best_epoch, result.best_accuracy) != (best_of(history).epoch, best_of(history).val_accuracy):
            self.warn(f"{file} is not of the epochs in metrics.jsonl")
            return None
        return Run(self.path, recipe, tuple(history), result)

    def damage(self, history: Sequence[Epoch], epochs: int) -> str | None:
        """Return why a run cannot go on after so many epochs: a record or the best network is missing; else None."""
        if [record.epoch for record in history] != list(range(1, epochs + 1)):
            return f"{self.path / 'metrics.jsonl'}: {len(history)} of the {epochs} epochs in state.npz can be read"
        if history and best_of(history).epoch < epochs and not is_whole(self.best):
            return f"{self.best} is gone or damaged"
        return None

    def set_aside(self, why: str) -> None:
        """Move what a damaged run had into a folder of its own, so that the run can start anew, and say so."""
        aside = self.path / DAMAGED
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for name in _FILES:
            if (self.path / name).exists():
                (self.path / name).rename(aside / name)
        self.warn(f"{why}. The run starts anew; what it had is in {aside}")

    def warn(self, text: str) -> None:
        """Say what is damaged."""
        warnings.warn(text, DamagedRunWarning, stacklevel=3)

    def _write(self, name: str, text: str) -> None:
        with atomic_write(self.path / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def is_whole(path: Path) -> bool:
    """Tell whether a `.keras` file is there with all its bytes as they were written."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # zipfile and zlib let almost anything through
        return False


def _parsed(kind: TypeAdapter[_Record], text: bytes) -> _Record | None:
    try:
        return kind.validate_json(text, strict=True)
    except ValidationError:
        return None


def _difference(there: dict[str, Json], here: dict[str, Json], prefix: str = "") -> str:
    """Return the first field in which two recipes differ, in words."""
    for key in dict.fromkeys([*there, *here]):
        old, new = there.get(key), here.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            return _difference(old, new, f"{prefix}{key}.")
        return f"{prefix}{key}={old} there, {prefix}{key}={new} here"
    return ""
