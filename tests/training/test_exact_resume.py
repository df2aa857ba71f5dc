"""Broken off at any step and begun again, a training ends in the bits of an unbroken one, whatever it does."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepzoo.artifact.model_file import attach, save
from sepzoo.data.source import Batch
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.training import host_epochs
from sepzoo.training.step_watch import StepWatch
from tests.training.small_training import measured, settings, small_network, state_of, train

FEATURES: dict[str, dict[str, Any]] = {
    "accumulation": {"optimizer": {"learning_rate": 0.05, "accumulate_steps": 2, "clip_norm": 1.0}, "ema": 0.5},
    "half precision": {"precision": "mixed_float16", "label_smoothing": 0.1},
    "adamw by layers": {"optimizer": {"kind": "adamw", "learning_rate": 0.01, "layer_decay": 0.5}},
    "mixing": {"augmentation": {"operations": 1, "mixup": 0.2, "cutmix": 1.0}},
    "class weights": {"class_weights": "balanced", "optimizer": {"learning_rate": 0.05, "weight_decay": 1e-3}},
    "unfreezing": {"unfreeze_epoch": 1, "ema": 0.5},
    "teacher": {"teacher": {"file": "teacher.keras", "temperature": 2.0, "blocks": ["relu"]}},
    "fast": {
        "optimizer": {"kind": "muon", "learning_rate": 0.05, "orthogonal_step": 0.1},
        "augmentation": {"flip": "alternate"},
        "whitened": 100,
        "ema": 0.5,
    },
    "early stopping": {"early_stopping": {"monitor": "val_loss", "patience": 1, "min_delta": 10.0}, "epochs": 9},
}


class Killed(BaseException):
    """Stands for a process that ends at once; nothing is written on the way."""


def break_off(monkeypatch: pytest.MonkeyPatch, *, step: int, keep_at: int | None = None) -> None:
    """Let the training end at a step, counted over all epochs; `keep_at`: after that step the state is kept."""
    count = iter(range(1, 1000))
    look = StepWatch.on_train_batch_end

    def looked(self: StepWatch, batch: int, logs: Any = None) -> None:
        number = next(count)
        self._seconds = -1.0 if number == keep_at else 1e9
        look(self, batch, logs)
        if number == step:
            raise Killed

    monkeypatch.setattr(StepWatch, "on_train_batch_end", looked)


@pytest.mark.slow
@pytest.mark.parametrize("name", FEATURES)
def test_killed_and_resumed_each_feature_ends_in_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if name == "teacher":
        save(attach(small_network(), Metadata("old", tuple("0123456789"), ZERO_TO_ONE)), Path("teacher.keras"))
    said, frozen = settings(**{"epochs": 2, **FEATURES[name]}), name == "unfreezing"
    whole = train(tmp_path / "whole", said, frozen=frozen)
    with monkeypatch.context() as patch:
        break_off(patch, step=5, keep_at=4)  # both in the second epoch
        with pytest.raises(Killed):
            train(tmp_path / "broken", said, frozen=frozen)
    with np.load(tmp_path / "broken" / "state.npz") as file:
        assert (int(file["epochs"]), int(file["steps"])) == (1, 1)
    again = train(tmp_path / "broken", said, frozen=frozen)
    assert measured(again) == measured(whole)
    assert state_of(tmp_path / "broken") == state_of(tmp_path / "whole")
    assert len(whole) == 2


@pytest.mark.slow
def test_a_signal_lets_the_step_end_and_the_state_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, count, look = settings(epochs=2), iter(range(1, 1000)), StepWatch.on_train_batch_end
    whole = train(tmp_path / "whole", said)

    def signalled(self: StepWatch, batch: int, logs: Any = None) -> None:
        if next(count) == 4:  # the first step of the second epoch
            signal.raise_signal(signal.SIGINT)
        look(self, batch, logs)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(StepWatch, "on_train_batch_end", signalled)
            with pytest.raises(KeyboardInterrupt):
                train(tmp_path / "broken", said)
    finally:
        signal.signal(signal.SIGINT, before)
    with np.load(tmp_path / "broken" / "state.npz") as file:
        assert (int(file["epochs"]), int(file["steps"])) == (1, 1)
    assert measured(train(tmp_path / "broken", said)) == measured(whole)
    assert state_of(tmp_path / "broken") == state_of(tmp_path / "whole")


def test_a_resumed_epoch_does_not_see_its_first_images_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    yield_batches = host_epochs.training_batches

    def spied(*arguments: Any, **named: Any) -> Iterator[Batch]:
        for batch in yield_batches(*arguments, **named):
            seen.append(len(batch[0]))
            yield batch

    monkeypatch.setattr(host_epochs, "training_batches", spied)
    with monkeypatch.context() as patch:
        break_off(patch, step=2, keep_at=2)
        with pytest.raises(Killed):
            train(tmp_path, settings(epochs=1))
    seen.clear()
    train(tmp_path, settings(epochs=1))
    assert seen == [287 - 200]


def test_the_state_before_is_that_of_the_epoch_before(tmp_path: Path) -> None:
    said = settings(epochs=2)
    train(tmp_path, said)
    with np.load(tmp_path / "state_before.npz") as before, np.load(tmp_path / "state.npz") as last:
        assert (int(before["epochs"]), int(last["epochs"])) == (1, 2)
    (tmp_path / "state.npz").unlink()  # as a process leaves it that is killed between two renames
    assert [dataclasses.replace(r, seconds=0, images_per_second=0).epoch for r in train(tmp_path, said)] == [1, 2]
