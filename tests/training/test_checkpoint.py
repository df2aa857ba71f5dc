from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.support.errors import SepzooError
from sepzoo.training.checkpoint import restore_state, save_state
from sepzoo.training.optimizer import build_optimizer
from sepzoo.training.sections import OptimizerSection


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
    assert restore_state(tmp_path / "state.npz", other, other_optimizer) == 3
    for one, same in zip(saved, state(other, other_optimizer), strict=True):
        np.testing.assert_array_equal(one, same)
    fit(model)
    fit(other)
    for one, same in zip(state(model, optimizer), state(other, other_optimizer), strict=True):
        np.testing.assert_array_equal(one, same)


def test_other_networks_and_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    save_state(path, *network(), epochs=1)
    with pytest.raises(SepzooError, match=r"expected the state of .* Received: that of another network"):
        restore_state(path, *network(units=5))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SepzooError, match=r"state.npz: expected the state of a run. Received: a damaged file"):
        restore_state(path, *network())
