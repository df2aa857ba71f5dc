"""Training any network on any images, epoch by epoch, into a folder from which it can go on."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path

import keras

from sepzoo.data.source import Source
from sepzoo.support.errors import SepzooError
from sepzoo.support.processor import keep_freed_memory
from sepzoo.support.stopping import held_back
from sepzoo.training.batches import class_weights, count_batches, evaluation_batches
from sepzoo.training.checkpoint import save_state
from sepzoo.training.devices import Devices
from sepzoo.training.early_stopping import is_complete
from sepzoo.training.finished_run import Epoch
from sepzoo.training.fit_settings import FitSettings
from sepzoo.training.host_epochs import HostEpochs
from sepzoo.training.memory import says_which_batch_size
from sepzoo.training.networks import Networks
from sepzoo.training.plots import TensorBoardLog
from sepzoo.training.progress import RunProgress
from sepzoo.training.resident import ResidentEpochs
from sepzoo.training.resuming import go_on, save_networks
from sepzoo.training.run_folder import RunFolder
from sepzoo.training.sources import Sources
from sepzoo.training.step_watch import StepWatch
from sepzoo.training.trainee import Trainee, evaluation_model
from sepzoo.training.whitening import whiten_first


def fit(
    networks: Networks,
    sources: Sources,
    settings: FitSettings,
    folder: str | os.PathLike[str],
    *,
    title: str = "",
    quiet: bool = False,
    devices: Devices | None = None,
) -> list[Epoch]:
    """Train a network; the same call goes on where it was broken off. Afterwards the inference model has the weights.

    After each epoch the folder holds `state.npz` (for going on), `metrics.jsonl` (one line an epoch), `last.keras` and
    `best.keras`; on the TensorFlow backend TensorBoard's files too. Within an epoch the state is kept by time, and when
    a signal says to stop: the first one waits for the step's end, a second one doesn't. The state before is kept as
    `state_before.npz`: where the last one is damaged a warning says so, and the training goes on from that one. Where
    both are, or the files contradict each other, what was there is set aside, and the training starts anew. From its
    first call on the process keeps the memory that it frees (see `set_for_processor`).

    Args:
        networks: of `Networks.of`, or of a recipe.
        sources: images to train and to validate on.
        settings: how. A `Recipe` is one too.
        folder: of this training alone.
        title: what it is called in the progress on standard error.
        quiet: show no progress.
        devices: to train on; None: the backend's own.

    Returns:
        One record an epoch, those of earlier calls included.

    Raises:
        SepzooError: the loss is no number, the classes don't fit, or the folder holds the state of another network.
        KeyboardInterrupt: a signal said to stop.

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
    keep_freed_memory()
    home = RunFolder(Path(folder))
    devices = devices or Devices()
    devices.check(settings.batch_size)
    networks = devices.spread(networks)
    targets = networks.targets(sources.train.class_names)
    weights = class_weights(settings.class_weights, sources.train, targets)
    steps = devices.steps(len(sources.train), settings.batch_size)
    with devices.scope():
        if settings.whitened:
            whiten_first(networks, sources.train, settings)
        trainee = Trainee(networks, settings, steps_per_epoch=steps)
        history, state = go_on(home, networks, trainee, steps_per_epoch=steps)
    done, taken = len(history), state.steps if state is not None else 0
    log = TensorBoardLog(home.path / "tensorboard", backend=keras.backend.backend())
    evaluation = evaluation_model(networks, settings)
    with (
        RunProgress(epochs=settings.epochs, done=done, steps_per_epoch=steps, quiet=quiet) as progress,
        held_back() as held,
    ):
        epochs: HostEpochs | ResidentEpochs
        if settings.on_device:
            devices.require_one("on_device")
            epochs = ResidentEpochs(trainee, sources.train, networks, settings, targets, weights, progress)
        else:
            epochs = HostEpochs(trainee, sources.train, networks, settings, targets, weights, devices, progress)
        begins = f"{title}: " if title else ""
        progress.say(f"{begins}training on {sources.train_name}, validating on {sources.validation_name}")
        if state is not None:
            progress.say(f"resumed after epoch {done}" + (f", step {taken} of {steps}" if taken else ""))
        if not log.active:
            progress.say(f"no TensorBoard files: the backend is {keras.backend.backend()}, they need tensorflow")
        for epoch in range(done, settings.epochs):
            if is_complete(history, settings):
                break
            if epoch == settings.unfreeze_epoch and not taken:
                with devices.scope():
                    trainee.unfreeze()
            started = time.perf_counter()
            watch = StepWatch(
                epoch=epoch + 1,
                steps=steps,
                done=taken,
                metrics=state.metrics if state is not None and taken else (),
                save=functools.partial(_keep, home, trainee, epoch),
                minutes=settings.checkpoint_minutes,
                held=held,
            )
            trained = epochs.run(epoch, watch, steps=steps, done=taken)
            seconds = time.perf_counter() - started
            networks.copy_weights(trainee.optimizer)
            validated = measure(evaluation, sources.validation, networks, settings)
            if not math.isfinite(validated["loss"]):
                raise SepzooError(
                    f"expected a loss that is a number. Received: val_loss={validated['loss']} after epoch "
                    f"{epoch + 1}. Lower optimizer.learning_rate, and name another folder; what was kept before stays."
                )
            record = Epoch(
                epoch=epoch + 1,
                loss=trained["loss"],
                accuracy=trained["accuracy"],
                val_loss=validated["loss"],
                val_accuracy=validated["accuracy"],
                learning_rate=float(trainee.schedule(epoch * steps)),
                images_per_second=(len(sources.train) - taken * settings.batch_size) / seconds,
                seconds=time.perf_counter() - started,
                data_loss=trained["data_loss"],
                val_data_loss=validated["data_loss"],
                val_top5=validated.get("top5"),
            )
            history.append(record)
            home.write_history(history)
            # This marks the epoch as done: of the records before it those beyond are left out where a run goes on, and
            # of the networks after it those of the epoch are written again.
            _keep(home, trainee, epoch + 1, 0)
            save_networks(home, networks, history)
            log.add(record)
            progress.epoch_done(record)
            taken = 0
            held.release()
    return history


def measure(evaluation: keras.Model, source: Source, networks: Networks, settings: FitSettings) -> Mapping[str, float]:
    """Return loss and accuracy of an evaluation model on a data set."""
    batches = evaluation_batches(
        source,
        networks.preprocessing,
        batch_size=settings.batch_size,
        targets=networks.targets(source.class_names),
    )
    with says_which_batch_size(settings):
        return evaluation.evaluate(
            batches, steps=count_batches(source, settings.batch_size), verbose=0, return_dict=True
        )


def _keep(home: RunFolder, trainee: Trainee, epochs: int, steps: int) -> None:
    save_state(
        home.state,
        trainee.student,
        trainee.optimizer,
        epochs=epochs,
        steps=steps,
        metrics=trainee.model.metrics_variables if steps else (),
        before=home.state_before,
    )
