"""One small training on digits, for tests that break it off and go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sepzoo.artifact.model_file import attach
from sepzoo.data import open_source
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.training import Epoch, FitSettings, Networks, Sources, fit

TIMES = ("seconds", "images_per_second")
STEPS = 3
"""Batches of an epoch."""


def small_network(*, frozen: bool = False, dropout: float = 0.2) -> keras.Model:
    """Return a network with all that has a state: batch norm, dropout, and frozen features where asked."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(4, 3, name="conv"),
        keras.layers.BatchNormalization(name="bn"),
        keras.layers.ReLU(name="relu"),
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dropout(dropout, name="dropout"),
        keras.layers.Dense(10, name="logits"),
    ]
    model = attach(keras.Sequential(layers, name="small"), Metadata("small", tuple("0123456789"), ZERO_TO_ONE))
    for name in ("conv", "bn"):
        model.get_layer(name).trainable = not frozen
    return model


def settings(**changes: Any) -> FitSettings:
    """Return settings of three short epochs, with these changes."""
    return FitSettings(**{"optimizer": {"learning_rate": 0.05}, "epochs": 3, "batch_size": 100, **changes})


def train(folder: Path, said: FitSettings, *, frozen: bool = False, networks: Networks | None = None) -> list[Epoch]:
    """Train, or go on with it, in a folder."""
    sources = Sources(*(open_source("digits", split=split) for split in ("train[:20%]", "test[:20%]")))
    networks = networks or Networks.of(small_network(frozen=frozen), ZERO_TO_ONE)
    return fit(networks, sources, said, folder, quiet=True)


def measured(history: list[Epoch]) -> list[dict[str, Any]]:
    """Return what was measured, but for the times."""
    return [{key: value for key, value in vars(record).items() if key not in TIMES} for record in history]


def measured_in(folder: Path) -> list[dict[str, Any]]:
    """Return what a run folder says was measured, but for the times."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMES} for line in lines]


def state_of(folder: Path) -> dict[str, bytes]:
    """Return the bits of a folder's state."""
    with np.load(folder / "state.npz") as file:
        return {name: value.tobytes() for name, value in file.items()}
