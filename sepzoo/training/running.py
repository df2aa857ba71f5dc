"""From a recipe to a run folder."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import shutil
import time
from pathlib import Path
from typing import Any

import keras

import sepzoo
from sepzoo.artifact.model_file import load, save
from sepzoo.data.source import Source
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError
from sepzoo.training.batches import count_batches, evaluation_batches, training_batches
from sepzoo.training.checkpoint import restore_state, save_state
from sepzoo.training.networks import Networks, build_networks, preprocessing_of
from sepzoo.training.optimizer import build_optimizer
from sepzoo.training.plots import TensorBoardLog, plot_curves
from sepzoo.training.progress import RunProgress
from sepzoo.training.recipe import Recipe
from sepzoo.training.record import Epoch, Result, Run, RunFolder, best_of
from sepzoo.training.schedule import EpochSchedule
from sepzoo.training.sources import Sources, open_sources


def run(recipe: Recipe, out: str | os.PathLike[str], *, quiet: bool = False) -> Run:
    """Train as the recipe says, into a run folder; the same call resumes a run that was broken off.

    The folder holds `recipe.yaml` (as run, with versions), `metrics.jsonl` (one line an epoch), `curves.png`,
    `best.keras` and `last.keras` (with labels and preprocessing inside), `result.json`, `state.npz` (for resuming) and,
    on the TensorFlow backend, `tensorboard/`. A resumed run ends in the same bits as an unbroken one on a CPU; a GPU
    may add in another order each time. A finished run is read from its folder at once.

    Args:
        recipe: what to do.
        out: the folder, new or of this very recipe.
        quiet: show no progress; it goes to standard error.

    Returns:
        The run: its history, its accuracies and on which images they were measured, its network.

    Raises:
        SepzooError: another recipe ran in the folder, the data or the network cannot be had, or the loss is no number.
    """
    folder = RunFolder(Path(out))
    folder.check(recipe)
    finished = folder.finished()
    if finished is not None:
        return finished
    keras.utils.set_random_seed(recipe.seed)
    sources = open_sources(recipe, preprocessing_of(recipe))
    folder.check_classes(sources.train.class_names)
    networks = build_networks(recipe, sources.train.class_names)
    folder.begin(recipe.model_copy(update={"versions": _versions()}))
    history = _train(recipe, folder, sources, networks, quiet=quiet)
    plot_curves(history, folder.path / "curves.png", title=f"{recipe.name}: {recipe.model.name}")
    folder.write_result(_result(recipe, folder, sources, networks, history))
    done = folder.finished()
    assert done is not None
    return done


def _train(recipe: Recipe, folder: RunFolder, sources: Sources, networks: Networks, *, quiet: bool) -> list[Epoch]:
    steps = count_batches(sources.train, recipe.batch_size)
    schedule = EpochSchedule(
        recipe.optimizer.learning_rate, recipe.schedule, steps_per_epoch=steps, epochs=recipe.epochs
    )
    optimizer = build_optimizer(
        recipe.optimizer, schedule, ema=recipe.ema, variables=networks.training.trainable_variables
    )
    networks.training.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    done = restore_state(folder.state, networks.training, optimizer) if folder.state.exists() else 0
    history = folder.history(done)
    log = TensorBoardLog(folder.path / "tensorboard", backend=keras.backend.backend())
    judge = _judge(networks, recipe)
    with RunProgress(epochs=recipe.epochs, done=done, steps_per_epoch=steps, quiet=quiet) as progress:
        progress.say(f"{recipe.name}: training on {sources.train_name}, validating on {sources.validation_name}")
        if done:
            progress.say(f"resumed after epoch {done}")
        if not log.active:
            progress.say(f"no TensorBoard files: the backend is {keras.backend.backend()}, they need tensorflow")
        for epoch in range(done, recipe.epochs):
            started = time.perf_counter()
            batches = training_batches(
                sources.train,
                networks.preprocessing,
                recipe.augmentation,
                size=recipe.model.image_size,
                batch_size=recipe.batch_size,
                seed=recipe.seed,
                epoch=epoch,
            )
            counted = progress.counted(batches, epoch + 1)
            trained = networks.training.fit(counted, steps_per_epoch=steps, shuffle=False, verbose=0).history
            seconds = time.perf_counter() - started
            if not math.isfinite(trained["loss"][0]):
                raise SepzooError(
                    f"expected a loss that is a number. Received: loss={trained['loss'][0]} in epoch {epoch + 1}. "
                    "Lower optimizer.learning_rate, and name another folder."
                )
            networks.hand_over(optimizer)
            validated = _measure(judge, sources.validation, networks, recipe)
            record = Epoch(
                epoch=epoch + 1,
                loss=trained["loss"][0],
                accuracy=trained["accuracy"][0],
                val_loss=validated["loss"],
                val_accuracy=validated["accuracy"],
                learning_rate=float(schedule(epoch * steps)),
                images_per_second=len(sources.train) / seconds,
                seconds=time.perf_counter() - started,
            )
            history.append(record)
            _save_epoch(folder, networks, history)
            # Last, since it is what marks the epoch as done: what a broken-off run wrote beyond it is written again.
            save_state(folder.state, networks.training, optimizer, epochs=epoch + 1)
            log.add(record)
            progress.epoch_done(record)
    return history


def _judge(networks: Networks, recipe: Recipe) -> keras.Model:
    """Return a compiled view of the network that answers, so that its file carries no training settings."""
    judge = keras.Model(networks.answering.inputs, networks.answering.outputs)
    judge.compile(
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    return judge


def _measure(judge: keras.Model, source: Source, networks: Networks, recipe: Recipe) -> dict[str, Any]:
    batches = evaluation_batches(source, networks.preprocessing, batch_size=recipe.batch_size)
    return judge.evaluate(batches, steps=count_batches(source, recipe.batch_size), verbose=0, return_dict=True)


def _save_epoch(folder: RunFolder, networks: Networks, history: list[Epoch]) -> None:
    last = save(networks.answering, folder.path / "last.keras")
    if best_of(history) is history[-1]:
        with atomic_write(folder.path / "best.keras") as temporary:
            shutil.copyfile(last, temporary)
    folder.write_history(history)


def _result(recipe: Recipe, folder: RunFolder, sources: Sources, networks: Networks, history: list[Epoch]) -> Result:
    best = best_of(history)
    test_accuracy = None
    if sources.test is not None:
        for ours, theirs in zip(networks.answering.weights, load(folder.path / "best.keras").weights, strict=True):
            ours.assign(theirs)
        test_accuracy = _measure(_judge(networks, recipe), sources.test, networks, recipe)["accuracy"]
    return Result(
        best_epoch=best.epoch,
        best_accuracy=best.val_accuracy,
        last_accuracy=history[-1].val_accuracy,
        test_accuracy=test_accuracy,
        trained_on=sources.train_name,
        validated_on=sources.validation_name,
        tested_on=sources.test_name,
        seconds=sum(epoch.seconds for epoch in history),
    )


def _versions() -> dict[str, str]:
    backend = keras.backend.backend()
    return {
        "sepzoo": sepzoo.__version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": f"{backend} {importlib.metadata.version(backend)}",
        "numpy": importlib.metadata.version("numpy"),
    }
