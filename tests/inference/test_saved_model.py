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


def write_graphs(path: Path, *graphs: tuple[tuple[str, ...], dict[str, float]]) -> Path:
    """Write a SavedModel of TensorFlow 1: for each graph its tags, and its signatures, each of which is a factor."""
    v1 = tf.compat.v1
    builder = v1.saved_model.Builder(str(path))
    for number, (tags, factors) in enumerate(graphs):
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, (None, 3), name="x")
            weight = v1.get_variable("weight", initializer=tf.eye(3))
            signatures = {
                name: v1.saved_model.predict_signature_def({"x": x}, {"y": factor * (x @ weight)})
                for name, factor in factors.items()
            }
            session.run(v1.global_variables_initializer())
            if number:
                builder.add_meta_graph(tags, signature_def_map=signatures)
            else:
                builder.add_meta_graph_and_variables(session, tags, signature_def_map=signatures)
    builder.save()
    return path


TRAIN = (("train",), {"serving_default": 5.0})


@pytest.mark.parametrize(
    "graphs",
    [
        (TRAIN, (("serve",), {"serving_default": 2.0})),
        ((("serve",), {"classify": 2.0}), TRAIN),
        (TRAIN, (("serve", "gpu"), {"serving_default": 2.0})),
        ((("serve",), {"serving_default": 2.0}), (("serve", "tpu"), {"serving_default": 3.0})),
        ((("serve",), {"another": 3.0, "serving_default": 2.0}),),
        ((("exported",), {"serving_default": 2.0}),),
    ],
)
def test_the_graph_to_serve_is_run(graphs: Any, tmp_path: Path) -> None:
    opened = open_file(write_graphs(tmp_path / "net", *graphs), outputs="values")
    x = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")
    np.testing.assert_allclose(opened.predict(x), 2 * x, atol=1e-6)


@pytest.mark.parametrize(
    ("graphs", "message"),
    [
        (
            (TRAIN, (("eval",), {"serving_default": 1.0})),
            "with one graph tagged serve. Received: graphs tagged train; eval.",
        ),
        (
            ((("serve", "gpu"), {"a": 1.0}), (("serve", "tpu"), {"a": 1.0})),
            "Received: graphs tagged gpu+serve; serve+tpu.",
        ),
        (
            (TRAIN, (("serve",), {"a": 1.0, "b": 2.0})),
            "with one serving signature, or one called serving_default. Received: a, b.",
        ),
    ],
)
def test_an_unsure_graph_is_one_line(graphs: Any, message: str, tmp_path: Path) -> None:
    path = write_graphs(tmp_path / "net", *graphs)
    with pytest.raises(SepzooError) as caught:
        open_file(path)
    assert str(caught.value).startswith(f"{path}: expected a SavedModel ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
