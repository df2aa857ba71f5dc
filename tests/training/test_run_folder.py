from __future__ import annotations

import os
from pathlib import Path

import pytest

from sepzoo.support.errors import SepzooError
from sepzoo.training import Epoch, Recipe, Result, Run
from sepzoo.training.run_folder import RunFolder, best_of

RECIPE = Recipe.load("digits")


def record(epoch: int, accuracy: float = 0.5, loss: float = 1.0) -> Epoch:
    return Epoch(
        epoch=epoch,
        loss=1.5,
        accuracy=0.4,
        val_loss=loss,
        val_accuracy=accuracy,
        learning_rate=0.1,
        images_per_second=100.0,
        seconds=2.0,
    )


def result() -> Result:
    return Result(
        best_epoch=2,
        best_accuracy=0.75,
        last_accuracy=0.7,
        test_accuracy=0.72,
        trained_on="digits train[10%:] (1295 images)",
        validated_on="digits train[:10%] (143 images)",
        tested_on="digits test (359 images)",
        seconds=4.0,
    )


def test_the_best_epoch_is_the_most_accurate_then_the_surest() -> None:
    history = [record(1, 0.5, 1.0), record(2, 0.6, 0.9), record(3, 0.6, 0.8), record(4, 0.6, 0.85)]
    assert best_of(history).epoch == 3


def test_a_new_folder_is_free(tmp_path: Path) -> None:
    RunFolder(tmp_path / "new").check(RECIPE)
    RunFolder(tmp_path).check(RECIPE)
    assert not (tmp_path / "new").exists()


def test_a_folder_of_the_same_recipe_is_taken_up_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(RECIPE.model_copy(update={"versions": {"keras": "3.15.1"}}))
    folder.check(RECIPE)
    assert folder.finished() is None


def test_a_folder_of_another_recipe_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.begin(RECIPE)
    before = (tmp_path / "run" / "recipe.yaml").read_bytes()
    other = RECIPE.with_overrides(["optimizer.learning_rate=0.3"])
    with pytest.raises(SepzooError) as caught:
        folder.check(other)
    assert str(caught.value) == (
        f"expected a new folder, or one of this recipe. Received: {tmp_path / 'run'}, where another ran: "
        "optimizer.learning_rate=0.1 there, optimizer.learning_rate=0.3 here. Name another folder."
    )
    assert (tmp_path / "run" / "recipe.yaml").read_bytes() == before
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["recipe.yaml"]


def test_other_files_are_not_written_among(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(SepzooError, match=r"Received: .*, which holds other files"):
        RunFolder(tmp_path).check(RECIPE)
    with pytest.raises(SepzooError, match=r"Received: .*letter.txt, which is a file"):
        RunFolder(tmp_path / "letter.txt").check(RECIPE)


def test_a_finished_run_is_read_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    recipe = RECIPE.with_overrides(["epochs=2"])
    folder.begin(recipe)
    history = [record(1), record(2, 0.75)]
    folder.write_history(history)
    folder.write_result(result())
    assert folder.finished() == Run(tmp_path / "run", recipe, tuple(history), result())
    assert str(folder.finished()) == (
        "digits: validation accuracy 0.7500 (epoch 2) on digits train[:10%] (143 images); test accuracy 0.7200 on "
        f"digits test (359 images); 2 epochs, 4 s; {tmp_path / 'run'}"
    )


def test_records_beyond_the_last_state_are_dropped(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_history([record(1), record(2), record(3)])
    assert folder.history(2) == [record(1), record(2)]


def test_a_run_goes_on_only_with_the_classes_it_began_with(tmp_path: Path) -> None:
    import keras

    from sepzoo.artifact.model_file import attach, save
    from sepzoo.records.metadata import Metadata

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    save(attach(model, Metadata("tiny", labels=("0", "10", "9"))), tmp_path / "last.keras")
    folder = RunFolder(tmp_path)
    folder.check_classes(("0", "9", "10"))
    folder.state.write_bytes(b"")
    folder.check_classes(("0", "10", "9"))
    with pytest.raises(
        SepzooError, match=r"with which .* began, in their order. Received: 0, 9, 10 instead of 0, 10, 9"
    ):
        folder.check_classes(("0", "9", "10"))
    (tmp_path / "last.keras").write_bytes(b"damaged")
    folder.check_classes(("0", "9", "10"))


def test_a_run_folder_that_tensorboard_cannot_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"whose path is UTF-8 text.* Received: .*caf\\udce9\. Name another folder"):
        RunFolder(tmp_path / os.fsdecode(b"caf\xe9")).check(RECIPE)


def test_a_run_that_stopped_early_is_finished(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    recipe = RECIPE.with_overrides(["epochs=9", "early_stopping={patience: 1}"])
    folder.begin(recipe)
    history = [record(1), record(2, 0.75), record(3, 0.7)]
    folder.write_history(history)
    folder.write_result(result())
    assert folder.finished() == Run(tmp_path, recipe, tuple(history), result())


def test_how_often_the_state_is_kept_may_change(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(RECIPE)
    folder.check(RECIPE.with_overrides(["checkpoint_minutes=3"]))
