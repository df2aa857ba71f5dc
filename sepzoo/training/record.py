"""What a run leaves behind, and the folder that holds it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sepzoo.data.finding import named
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import is_one_line, printable
from sepzoo.training.recipe import Recipe

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Epoch:
    """What was measured in one pass over the training images.

    Attributes:
        epoch: counted from 1.
        loss: mean over the steps, penalties included, in training mode and on augmented images.
        accuracy: likewise.
        val_loss: on the validation images, of the weights as saved.
        val_accuracy: likewise.
        learning_rate: at the first step.
        images_per_second: of training, validation not counted.
        seconds: of the whole epoch.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    images_per_second: float
    seconds: float


@dataclass(frozen=True)
class Result:
    """The end of a run.

    Attributes:
        best_epoch: with the highest validation accuracy; of equal ones the one with the lowest validation loss.
        best_accuracy: its validation accuracy.
        last_accuracy: validation accuracy after the last epoch.
        test_accuracy: of the best epoch's weights on the test images; None where the data has none.
        trained_on: data set, split and number of images.
        validated_on: likewise.
        tested_on: likewise, or None.
        seconds: all epochs together.
    """

    best_epoch: int
    best_accuracy: float
    last_accuracy: float
    test_accuracy: float | None
    trained_on: str
    validated_on: str
    tested_on: str | None
    seconds: float

    def __str__(self) -> str:
        best = f"validation accuracy {self.best_accuracy:.4f} (epoch {self.best_epoch}) on {self.validated_on}"
        test = "" if self.test_accuracy is None else f"; test accuracy {self.test_accuracy:.4f} on {self.tested_on}"
        return best + test


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where everything lies.
        recipe: as run, with the versions of the libraries.
        history: one record an epoch.
        result: accuracies, and on which images each was measured.
    """

    folder: Path
    recipe: Recipe
    history: tuple[Epoch, ...]
    result: Result

    def model(self, which: Literal["best", "last"] = "best") -> keras.Model:
        """Return the network with the weights of the best or the last epoch."""
        from sepzoo.artifact.model_file import load

        return load(self.folder / f"{which}.keras")

    def __str__(self) -> str:
        return (
            f"{self.recipe.name}: {self.result}; {len(self.history)} epochs, {self.result.seconds:.0f} s; {self.folder}"
        )


def best_of(history: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the highest validation accuracy, of equal ones that with the lowest validation loss."""
    return max(history, key=lambda epoch: (epoch.val_accuracy, -epoch.val_loss))


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

    def check(self, recipe: Recipe) -> None:
        """See that the folder is free, or of this recipe.

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
        file = self.path / "recipe.yaml"
        if not file.is_file():
            if self.path.is_dir() and any(self.path.iterdir()):
                raise SepzooError(
                    f"expected a new folder, or one of a run. Received: {self.path}, which holds other files."
                )
            return
        other = Recipe.load(file).model_copy(update={"versions": None})
        difference = _difference(other.model_dump(), recipe.model_copy(update={"versions": None}).model_dump())
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

    def begin(self, recipe: Recipe) -> None:
        """Write the recipe, unless the run is being resumed."""
        if not (self.path / "recipe.yaml").exists():
            self._write("recipe.yaml", recipe.to_yaml())

    def history(self, epochs: int) -> list[Epoch]:
        """Return the first `epochs` records, and drop any that a broken-off run wrote beyond them."""
        file = self.path / "metrics.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        return [Epoch(**json.loads(line)) for line in lines[:epochs]]

    def write_history(self, history: Sequence[Epoch]) -> None:
        """Write one line of JSON for each epoch."""
        self._write("metrics.jsonl", "".join(json.dumps(asdict(epoch)) + "\n" for epoch in history))

    def write_result(self, result: Result) -> None:
        """Write the end of the run, which marks it as finished."""
        self._write("result.json", json.dumps(asdict(result), indent=1) + "\n")

    def finished(self) -> Run | None:
        """Return the run, or None while it is not finished."""
        file = self.path / "result.json"
        if not file.is_file():
            return None
        recipe = Recipe.load(self.path / "recipe.yaml")
        result = Result(**json.loads(file.read_text(encoding="utf-8")))
        return Run(self.path, recipe, tuple(self.history(recipe.epochs)), result)

    def _write(self, name: str, text: str) -> None:
        with atomic_write(self.path / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _difference(there: dict[str, Any], here: dict[str, Any], prefix: str = "") -> str:
    """Return the first field in which two recipes differ, in words."""
    for key in dict.fromkeys([*there, *here]):
        old, new = there.get(key), here.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            return _difference(old, new, f"{prefix}{key}.")
        return f"{prefix}{key}={old} there, {prefix}{key}={new} here"
    return ""
