from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.support.errors import SepzooError
from sepzoo.training.checkpoint import DamagedError, State, save_state
from sepzoo.training.optimizer import build_optimizer
from sepzoo.training.recipe_sections import OptimizerSection


def network(units: int = 4) -> tuple[keras.Model, keras.optimizers.Optimizer]:
    inputs = keras.Input((3,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(units)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dropout(0.5)(x)))
    optimizer = build_optimizer(OptimizerSection(learning_rate=0.1), 0.1, ema=0.9, variables=model.trainable_variables)
    model.compile(optimizer, "mse")
    return model, optimizer


def state(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable.value) for variable in (*model.variables, *optimizer.variables)]


def fit(model: keras.Model) -> None:
    random = np.random.default_rng(0)
    model.fit(random.normal(size=(8, 3)), random.normal(size=(8, 2)), batch_size=4, verbose=0, shuffle=False)


def test_all_variables_come_back_seeds_too(tmp_path: Path) -> None:
    model, optimizer = network()
    fit(model)
    save_state(tmp_path / "state.npz", model, optimizer, epochs=3)
    saved = state(model, optimizer)
    assert any("seed" in variable.path for variable in model.variables)

    other, other_optimizer = network()
    read = State.read(tmp_path / "state.npz")
    read.restore(other, other_optimizer)
    assert read.epochs == 3
    for one, same in zip(saved, state(other, other_optimizer), strict=True):
        np.testing.assert_array_equal(one, same)
    fit(model)
    fit(other)
    for one, same in zip(state(model, optimizer), state(other, other_optimizer), strict=True):
        np.testing.assert_array_equal(one, same)


def test_other_networks_and_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    model, optimizer = network()
    fit(model)
    save_state(path, model, optimizer, epochs=1)
    State.read(path).check(*network(), steps_per_epoch=2)
    with pytest.raises(SepzooError, match=r"expected the state of .* Received: that of another network"):
        State.read(path).check(*network(units=5), steps_per_epoch=2)
    with pytest.raises(DamagedError, match=r"state.npz: expected 3 steps an epoch. Received: 2 in 1 epochs."):
        State.read(path).check(*network(), steps_per_epoch=3)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DamagedError, match=r"state.npz: expected the state of a run. Received: a damaged file"):
        State.read(path)
