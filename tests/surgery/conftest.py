"""What the tests of surgery share: models with random weights, and comparing two models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest


def _randomize(model: keras.Model) -> keras.Model:
    generator = np.random.default_rng(3)
    for variable in model.weights:
        positive = variable.name in ("moving_variance", "variance", "gamma")
        low, high = (0.5, 1.5) if positive else (-0.5, 0.5)
        variable.assign(generator.uniform(low, high, variable.shape))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with what it made of its variables
    return model


def _run(model: keras.Model, seed: int = 11) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    inputs = {
        tensor.name: generator.uniform(-1, 1, [2 if size is None else size for size in tensor.shape]).astype("float32")
        for tensor in model.inputs
    }
    named = keras.tree.map_structure(lambda tensor: inputs[tensor.name], model.inputs)
    given = keras.tree.pack_sequence_as(_structure(model), named)
    return [keras.ops.convert_to_numpy(output) for output in keras.tree.flatten(model(given, training=False))]


def _structure(model: keras.Model) -> Any:
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


@pytest.fixture(scope="session")
def randomize() -> Callable[[keras.Model], keras.Model]:
    """Give every weight of a model a random value, batch normalizations sensible ones."""
    return _randomize


@pytest.fixture(scope="session")
def outputs_of() -> Callable[[keras.Model], list[np.ndarray]]:
    """Run a model on the same random inputs every time."""
    return _run


@pytest.fixture(scope="session")
def fingerprint() -> Callable[[keras.Model], Any]:
    """All that surgery must leave as it was: configuration, values, flags, how often each layer has been called."""

    def read(model: keras.Model) -> Any:
        layers = model._flatten_layers()
        return (
            model.get_config(),
            [(v.path, v.trainable, v.numpy().tobytes()) for v in model.variables],
            [(layer.name, layer.trainable, len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in layers],
        )

    return read
