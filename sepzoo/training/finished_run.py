"""A finished run: what was measured in each epoch and at the end, and the network itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sepzoo.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

    from sepzoo.export.formats.tflite_options import TfliteOptions
    from sepzoo.export.results import ExportResults
    from sepzoo.records.outputs import Output
from sepzoo.records.preprocessing import Preprocessing


@dataclass(frozen=True)
class Epoch:
    """What was measured in one pass over the training images.

    Attributes:
        epoch: counted from 1.
        loss: mean over the steps, penalties included, in training mode and on augmented images.
        accuracy: likewise; of a network of values the coefficient of determination, R².
        val_loss: on the validation images, of the weights as saved.
        val_accuracy: likewise.
        learning_rate: at the first step.
        images_per_second: of training, validation not counted.
        seconds: of the whole epoch.
        data_loss: as `loss`, without penalties such as the orthonormal one; None in records of older versions.
        val_data_loss: on the validation images, likewise.
        val_top5: share of them whose right class is among the five likeliest; None with five classes or fewer.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    images_per_second: float
    seconds: float
    data_loss: float | None = None
    val_data_loss: float | None = None
    val_top5: float | None = None


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
        test_top5: share of the test images whose right class is among the five likeliest; None with five or fewer.
        last_test_accuracy: of the last epoch's weights on the test images; None where the data has none.
        measure: what the accuracies are: `accuracy`, or of values `R²`.
        recalibrated_accuracy: validation accuracy of the best epoch's weights with statistics of batch norm taken anew,
            as `best.keras` has them; None where the recipe asks for none.
        mirrored_accuracy: of the last epoch's weights on the validation images, by the mean of the answers to each
            image and to its mirror image; None where the recipe does not ask for it.
    """

    best_epoch: int
    best_accuracy: float
    last_accuracy: float
    test_accuracy: float | None
    trained_on: str
    validated_on: str
    tested_on: str | None
    seconds: float
    test_top5: float | None = None
    last_test_accuracy: float | None = None
    measure: str = "accuracy"
    recalibrated_accuracy: float | None = None
    mirrored_accuracy: float | None = None

    def __str__(self) -> str:
        best = f"validation {self.measure} {self.best_accuracy:.4f} (epoch {self.best_epoch}) on {self.validated_on}"
        if self.recalibrated_accuracy is not None:
            best += f", {self.recalibrated_accuracy:.4f} with batch norm recalibrated"
        if self.mirrored_accuracy is not None:
            best += f", {self.mirrored_accuracy:.4f} by both sides of each image (last epoch)"
        test = (
            "" if self.test_accuracy is None else f"; test {self.measure} {self.test_accuracy:.4f} on {self.tested_on}"
        )
        return best + test


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where everything lies.
        recipe: as run, with the versions of the libraries.
        history: one record an epoch.
        result: accuracies, and on which images each was measured.
        exports: the files that the recipe asks for; None where it asks for none.
    """

    folder: Path
    recipe: Recipe
    history: tuple[Epoch, ...]
    result: Result
    exports: ExportResults | None = None

    def model(self, which: Literal["best", "last"] = "best") -> keras.Model:
        """Return the network with the weights of the best or the last epoch."""
        from sepzoo.artifact.model_file import load

        return load(self.folder / f"{which}.keras")

    def export(
        self,
        targets: Sequence[str] | None = None,
        *,
        folder: Path | None = None,
        data: str | None = None,
        calibration: int = 200,
        seed: int | None = None,
        labels: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
        outputs: str | Output | Sequence[Output] | None = None,
        tflite_options: TfliteOptions | None = None,
        least_accuracy: float | None = None,
        embed_preprocessing: bool = False,
        keep_going: bool = False,
    ) -> ExportResults:
        """Write the best network in other formats, each file checked against it on held-out images.

        Args:
            targets: names of `sepzoo.export.TARGETS`, or `all`; None: those of the recipe.
            folder: to write to; None: the run's own.
            data: images to calibrate and check on; None: the recipe's.
            calibration: how many of them set the ranges of integers.
            seed: decides which; None: the recipe's.
            labels: class names, instead of the network's own.
            preprocessing: instead of the network's own.
            outputs: what the network gives, instead of what it says or its graph shows.
            least_accuracy: top-1 that each file should have; the results say which have less.
            embed_preprocessing: whether files take pixels of 0 … 255 as uint8, and normalize them themselves; or
                samples of sound, and make the features of them.
            keep_going: whether a format that fails on the way is a row that says why, and the others are written, where
                their names were given too; the results have not passed then.
            tflite_options: what is chosen of `.tflite` files beside their mode: `sepzoo.export.TfliteOptions`.

        Raises:
            SepzooError: an unknown target, data that cannot be had, or a file whose outputs are not the network's.
        """
        from sepzoo.training.exports import export_run

        return export_run(
            self.folder,
            self.recipe,
            self.recipe.export if targets is None else targets,
            out=folder,
            data=data,
            calibration=calibration,
            seed=seed,
            labels=labels,
            preprocessing=preprocessing,
            outputs=outputs,
            tflite_options=tflite_options,
            least_accuracy=least_accuracy,
            embed_preprocessing=embed_preprocessing,
            keep_going=keep_going,
        )

    def __str__(self) -> str:
        parts = [f"{len(self.history)} epochs", f"{self.result.seconds:.0f} s"]
        if self.recipe.earlier_epochs:
            ends = ", then ".join(map(str, self.recipe.earlier_epochs))
            parts[0] += f" (no unbroken run: its schedule was made for {ends} at first)"
        return f"{self.recipe.name}: {self.result}; {', '.join(parts)}; {self.folder}"


def best_of(history: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the highest validation accuracy, of equal ones that with the lowest validation loss."""
    return max(history, key=lambda epoch: (epoch.val_accuracy, -epoch.val_loss))
