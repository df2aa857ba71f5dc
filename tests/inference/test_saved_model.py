"""SavedModels that other programs wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sepzoo.inference import open as open_file
from sepzoo.support.errors import SepzooError

HEADS: dict[str, tuple[int, str | None, str]] = {
    "softmax": (3, "softmax", "softmax"),
    "sigmoid": (1, "sigmoid", "sigmoid"),
    "several": (3, "sigmoid", "multilabel"),
    "linear": (3, None, "values"),
    "tanh": (3, "tanh", "values"),
    "relu": (3, "relu", "values"),
}


def network(units: int, activation: str | None) -> keras.Model:
    keras.utils.set_random_seed(2)
    source = keras.Input((5, 4), name="window")
    x = keras.layers.Flatten()(keras.layers.Conv1D(3, 2, activation="relu")(source))
    return keras.Model(source, keras.layers.Dense(units, activation=activation)(x))


def saved(path: Path, batch: int | None = None, **signatures: Any) -> Path:
    """Write functions of the windows as a SavedModel, with no word of ours in it."""
    module = tf.Module()
    module.kept = list(signatures.values())
    spec = tf.TensorSpec((batch, 5, 4), tf.float32, name="window")
    functions = {name: tf.function(call, input_signature=[spec]) for name, call in signatures.items()}
    module.functions = list(functions.values())
    tf.saved_model.save(module, str(path), signatures=functions or None)
    return path


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 5, 4)).astype("float32")


@pytest.mark.parametrize("head", HEADS)
def test_what_keras_exports_answers_as_keras(head: str, tmp_path: Path, windows: np.ndarray) -> None:
    units, activation, kind = HEADS[head]
    model = network(units, activation)
    model.export(tmp_path / "net", verbose=False)
    opened = open_file(tmp_path / "net")
    assert (opened.name, opened.input_shape, opened.output.kind) == ("net", (5, 4), kind)
    expected = np.asarray(model(windows))
    found = opened.predict(windows)
    np.testing.assert_allclose(found[:, -units:], expected, atol=1e-6)
    assert opened.predict(windows[:0]).shape == found[:0].shape


def test_labels_make_a_linear_end_logits(tmp_path: Path, windows: np.ndarray) -> None:
    model = network(3, None)
    model.export(tmp_path / "net", verbose=False)
    opened = open_file(tmp_path / "net", labels=["a", "b", "c"])
    np.testing.assert_allclose(opened.predict(windows), keras.ops.softmax(model(windows)), atol=1e-6)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_fixed_batch_is_filled(batch: int, tmp_path: Path, windows: np.ndarray) -> None:
    path = saved(tmp_path / "net", batch, serving_default=lambda window: {"sum": tf.reduce_sum(window, axis=2)})
    np.testing.assert_allclose(open_file(path).predict(windows), windows.sum(2), atol=1e-5)


def test_the_one_signature_may_have_any_name(tmp_path: Path, windows: np.ndarray) -> None:
    path = saved(tmp_path / "net", infer=lambda window: {"twice": 2 * window})
    opened = open_file(path, outputs="twice=map")
    np.testing.assert_array_equal(opened.predict(windows), 2 * windows)


@pytest.mark.parametrize(
    ("signatures", "message"),
    [
        ({}, "expected a SavedModel with one serving signature, or one called serving_default. Received: none."),
        (
            {"a": lambda window: {"y": window}, "b": lambda window: {"y": window}},
            "expected a SavedModel with one serving signature, or one called serving_default. Received: a, b.",
        ),
        (
            {"serving_default": lambda window: {"y": window, "z": tf.strings.as_string(window)}},
            "an output of numbers. Received: string",
        ),
        (
            {"serving_default": lambda window: {"y": tf.strings.as_string(window)}},
            "an output of numbers. Received: string",
        ),
        (
            {"serving_default": lambda window: {"y": tf.boolean_mask(window, window[0, :, 0] > 0, axis=1)}},
            "expected an output of fixed size. Received: (None, None, 4).",
        ),
    ],
)
def test_other_signatures_are_one_line(signatures: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "net", **signatures)
    with pytest.raises(SepzooError) as caught:
        open_file(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
