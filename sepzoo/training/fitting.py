"""Training any network on any images, epoch by epoch, into a folder from which it can go on."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import keras

from sepzoo.artifact.model_file import save
from sepzoo.artifact.penalties import leave_penalties_out
from sepzoo.data.source import Source
from sepzoo.inference.keras_end import end_of
from sepzoo.layers.scope_names import give_scopes
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Optimizer
from sepzoo.training.batches import count_batches, evaluation_batches, training_batches
from sepzoo.training.checkpoint import DamagedError, State, save_state
from sepzoo.training.finished_run import Epoch, best_of
from sepzoo.training.networks import Networks
from sepzoo.training.optimizer import build_optimizer
from sepzoo.training.plots import TensorBoardLog
from sepzoo.training.progress import RunProgress
from sepzoo.training.recipe_sections import FitSettings
from sepzoo.training.run_folder import RunFolder
from sepzoo.training.schedule import EpochSchedule
from sepzoo.training.sources import Sources


def fit(
    networks: Networks,
    sources: Sources,
    settings: FitSettings,
    folder: str | os.PathLike[str],
    *,
    title: str = "",
    quiet: bool = False,
) -> list[Epoch]:
    """Train a network; the same call goes on where it was broken off. Afterwards the inference model has the weights.

    After each epoch the folder holds `state.npz` (for going on), `metrics.jsonl` (one line an epoch), `last.keras` and
    `best.keras`; on the TensorFlow backend TensorBoard's files too. Where these contradict each other a warning says
    so, what was there is set aside, and the training starts anew.

    Args:
        networks: of `Networks.of`, or of a recipe.
        sources: images to train and to validate on.
        settings: how. A `Recipe` is one too.
        folder: of this training alone.
        title: what it is called in the progress on standard error.
        quiet: show no progress.

    Returns:
        One record an epoch, those of earlier calls included.

    Raises:
        SepzooError: the loss is no number, the classes don't fit, or the folder holds the state of another network.

    Example:
        >>> import tempfile
        >>> from sepzoo.data import open_source
        >>> from sepzoo.records.preprocessing import ZERO_TO_ONE
        >>> train, validation = (open_source("digits", split=split) for split in ("train", "test"))
        >>> flat = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
        >>> networks = Networks.of(keras.Sequential(flat), ZERO_TO_ONE)
        >>> settings = FitSettings(optimizer={"learning_rate": 0.1}, epochs=2)
        >>> history = fit(networks, Sources(train, validation), settings, tempfile.mkdtemp(), quiet=True)
        >>> history[-1].val_accuracy > 0.5
        True
    """
    home = RunFolder(Path(folder))
    targets = networks.targets(sources.train.class_names)
    steps = count_batches(sources.train, settings.batch_size)
    schedule = EpochSchedule(
        settings.optimizer.learning_rate, settings.schedule, steps_per_epoch=steps, epochs=settings.epochs
    )
    optimizer = build_optimizer(
        settings.optimizer, schedule, ema=settings.ema, variables=networks.training.trainable_variables
    )
    give_scopes(networks.training)
    networks.training.compile(
        optimizer=optimizer,
        loss=_loss(networks.training, settings),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    history = _go_on(home, networks, optimizer, steps_per_epoch=steps)
    done = len(history)
    log = TensorBoardLog(home.path / "tensorboard", backend=keras.backend.backend())
    evaluation = evaluation_model(networks, settings)
    with RunProgress(epochs=settings.epochs, done=done, steps_per_epoch=steps, quiet=quiet) as progress:
        begins = f"{title}: " if title else ""
        progress.say(f"{begins}training on {sources.train_name}, validating on {sources.validation_name}")
        if done:
            progress.say(f"resumed after epoch {done}")
        if not log.active:
            progress.say(f"no TensorBoard files: the backend is {keras.backend.backend()}, they need tensorflow")
        for epoch in range(done, settings.epochs):
            started = time.perf_counter()
            batches = training_batches(
                sources.train,
                networks.preprocessing,
                settings.augmentation,
                size=networks.inference.input_shape[1:3],
                batch_size=settings.batch_size,
                seed=settings.seed,
                epoch=epoch,
                targets=targets,
            )
            counted = progress.counted(batches, epoch + 1)
            trained = networks.training.fit(counted, steps_per_epoch=steps, shuffle=False, verbose=0).history
            seconds = time.perf_counter() - started
            if not math.isfinite(trained["loss"][0]):
                raise SepzooError(
                    f"expected a loss that is a number. Received: loss={trained['loss'][0]} in epoch {epoch + 1}. "
                    "Lower optimizer.learning_rate, and name another folder."
                )
            networks.copy_weights(optimizer)
            validated = measure(evaluation, sources.validation, networks, settings)
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
            home.write_history(history)
            # This marks the epoch as done: of the records before it those beyond are left out where a run goes on, and
            # of the networks after it those of the epoch are written again.
            save_state(home.state, networks.training, optimizer, epochs=epoch + 1)
            _save_networks(home, networks, history)
            log.add(record)
            progress.epoch_done(record)
    return history


def evaluation_model(networks: Networks, settings: FitSettings) -> keras.Model:
    """Return a compiled view of the inference model, so that the file of that carries no training settings."""
    model = keras.Model(networks.inference.inputs, networks.inference.outputs)
    give_scopes(model)
    model.compile(
        loss=_loss(networks.inference, settings), metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")]
    )
    return model


def measure(evaluation: keras.Model, source: Source, networks: Networks, settings: FitSettings) -> Mapping[str, float]:
    """Return loss and accuracy of an evaluation model on a data set."""
    batches = evaluation_batches(
        source,
        networks.preprocessing,
        batch_size=settings.batch_size,
        targets=networks.targets(source.class_names),
    )
    return evaluation.evaluate(batches, steps=count_batches(source, settings.batch_size), verbose=0, return_dict=True)


def _loss(model: keras.Model, settings: FitSettings) -> keras.losses.Loss:
    return keras.losses.CategoricalCrossentropy(
        from_logits=end_of(model) != "softmax", label_smoothing=settings.label_smoothing
    )


def _go_on(home: RunFolder, networks: Networks, optimizer: Optimizer, *, steps_per_epoch: int) -> list[Epoch]:
    """Put all back to where an earlier call left it, and return its records; none where it starts anew."""
    if not home.state.exists():
        return []
    try:
        state = State.read(home.state)
        state.check(networks.training, optimizer, steps_per_epoch=steps_per_epoch)
    except DamagedError as damage:
        home.set_aside(str(damage).removesuffix("."))
        return []
    history = home.history(state.epochs)
    why = home.damage(history, state.epochs)
    if why is not None:
        home.set_aside(why)
        return []
    state.restore(networks.training, optimizer)
    networks.copy_weights(optimizer)
    _save_networks(home, networks, history)  # they may be damaged, or of the epoch before
    return history


def _save_networks(home: RunFolder, networks: Networks, history: list[Epoch]) -> None:
    last = save(networks.inference, home.last, penalties=True)
    if best_of(history) is history[-1]:
        with atomic_write(home.best) as temporary:
            shutil.copyfile(last, temporary)
            leave_penalties_out(temporary)
