"""Lower precision inside of layers: cells, what wrappers hold, code; and layers whose type is no floating one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import tflite

layers = keras.layers
WINDOWS = np.random.default_rng(0).normal(size=(12, 2, 4)).astype("float32")


def wrapped(x: Any) -> Any:
    """Wrappers, cells and code, whose own settings don't show the precision of what is inside."""
    y = layers.TimeDistributed(layers.Dense(4, activation="tanh"))(x)
    y = layers.SpectralNormalization(layers.Conv1D(4, 2, padding="same"))(y)
    y = layers.Lambda(lambda tensor: tensor * 2.0)(y)
    y = layers.Bidirectional(layers.SimpleRNN(3, unroll=True, return_sequences=True))(y)
    y = layers.RNN(layers.StackedRNNCells([layers.GRUCell(3), layers.LSTMCell(4)]), unroll=True)(y)
    return layers.Dense(3, activation="softmax", dtype="float32")(y)


def built() -> keras.Model:
    keras.utils.set_random_seed(0)
    source = keras.Input((2, 4))
    return keras.Model(source, wrapped(source), name="wrapped")


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_what_layers_hold_becomes_float32_too(policy: str, tmp_path: Path) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        half = built()
    finally:
        keras.config.set_dtype_policy("float32")
    exact = built()
    exact.set_weights(half.get_weights())
    samples = Samples(WINDOWS, None, origin="windows", seed=0)
    report = tflite(half, tmp_path / "m.tflite", check=samples)
    found = inference.open(report.path).predict(WINDOWS)
    np.testing.assert_allclose(found, exact.predict(WINDOWS, verbose=0), atol=1e-5)
    assert report.comparison.half_error is not None
    assert report.comparison.half_error > 1e-5


def test_a_pipeline_is_run_as_in_inference(tmp_path: Path) -> None:
    """Keras's `Pipeline` trains where nobody says, and its configuration has no precision."""
    source = keras.Input((8, 8, 3))
    x = layers.Pipeline([layers.RandomFlip(), layers.Rescaling(0.5), layers.RandomRotation(0.4)])(source)
    model = keras.Model(source, layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3)(x)))
    images = np.random.default_rng(0).normal(size=(9, 8, 8, 3)).astype("float32")
    report = tflite(model, tmp_path / "m.tflite", check=Samples(images, None, origin="noise", seed=0))
    np.testing.assert_allclose(inference.open(report.path).predict(images), model.predict(images, verbose=0), atol=1e-5)
