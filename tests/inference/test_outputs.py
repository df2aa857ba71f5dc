"""What a model gives: read off its graph where certain, taken as values where not, and as was said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sepzoo import inference
from sepzoo.artifact import model_file
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output, parse_output, read_output
from sepzoo.support.errors import SepzooError

layers, ops = keras.layers, keras.ops


def average(x: Any) -> Any:
    return layers.Average()([layers.Dense(3, activation="softmax")(x) for _ in range(2)])


def mixed(x: Any) -> Any:
    return layers.Average()([layers.Dense(3, activation=kind)(x) for kind in ("softmax", "sigmoid")])


def nested(x: Any) -> Any:
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])(x)


def averaged_map(x: Any) -> Any:
    x = layers.Conv2D(3, 1, activation="softmax")(layers.Reshape((2, 2, 1))(x))
    return layers.GlobalAveragePooling2D()(x)


def half_a_softmax(x: Any) -> Any:
    return 0.5 * ops.softmax(x)


half_a_softmax.__name__ = "softmax"


def chain(*steps: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return call


def dense(units: int, activation: Any = None) -> Callable[[Any], Any]:
    return lambda x: layers.Dense(units, activation=activation)(x)


def layer(name: str, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    return lambda x: getattr(layers, name)(*args, **kwargs)(x)


SOFTMAX = dense(3, "softmax")
CERTAIN = {
    "softmax in the layer": (SOFTMAX, "softmax"),
    "softmax layer": (chain(dense(3), layer("Softmax")), "softmax"),
    "softmax activation": (chain(dense(3), layer("Activation", "softmax")), "softmax"),
    "softmax function": (chain(dense(3), ops.softmax), "softmax"),
    "linear activation after it": (chain(SOFTMAX, layer("Activation", "linear", dtype="float32")), "softmax"),
    "cast": (chain(SOFTMAX, lambda x: ops.cast(ops.cast(x, "float16"), "float32")), "softmax"),
    "average": (average, "softmax"),
    "reshape, flatten, identity": (
        chain(SOFTMAX, layer("Reshape", (1, 3)), layer("Flatten"), layer("Identity")),
        "softmax",
    ),
    "rescaling by 1": (chain(SOFTMAX, layer("Rescaling", 1.0)), "softmax"),
    "nested": (nested, "softmax"),
    "average of a map": (averaged_map, "softmax"),
    "softmax layer in the layer": (dense(3, layers.Softmax()), "softmax"),
    "softmax layer in an activation": (chain(dense(3), lambda x: layers.Activation(layers.Softmax())(x)), "softmax"),
    "activation layer in the layer": (dense(3, layers.Activation("softmax")), "softmax"),
    "identity layer after it": (chain(SOFTMAX, layer("Activation", layers.Identity())), "softmax"),
    "one sigmoid": (dense(1, "sigmoid"), "sigmoid"),
    "sigmoid layer in the layer": (dense(1, layers.Activation("sigmoid")), "sigmoid"),
    "several sigmoids": (dense(3, "sigmoid"), "multilabel"),
    "sigmoid function": (chain(dense(1), ops.sigmoid), "sigmoid"),
    "map": (layer("Reshape", (2, 2, 1)), "map"),
}
UNCERTAIN = {
    "linear, no labels": dense(4),
    "one logit": dense(1),
    "tanh": dense(3, "tanh"),
    "relu": dense(3, "relu"),
    "hard sigmoid": dense(3, "hard_sigmoid"),
    "unit norm": chain(dense(3), layer("UnitNormalization")),
    "sigmoid, rescaled": chain(dense(3, "sigmoid"), layer("Rescaling", 2.0, offset=-1.0)),
    "clipped": chain(SOFTMAX, lambda x: ops.clip(x, 1e-7, 1.0)),
    "a softmax and a sigmoid, averaged": mixed,
    "softmax over another axis": chain(layer("Reshape", (2, 2)), layer("Softmax", axis=1), layer("Flatten")),
    "softmax layer over another axis in the layer": (
        chain(
            layer("Reshape", (2, 2)), lambda x: layers.Dense(2, activation=layers.Softmax(axis=1))(x), layer("Flatten")
        )
    ),
    "layer in the layer": dense(3, layers.ReLU()),
    "softmax in groups": chain(layer("Reshape", (2, 2)), layer("Softmax"), layer("Flatten")),
}


def model_of(end: Callable[[Any], Any]) -> keras.Model:
    keras.utils.set_random_seed(0)
    source = keras.Input((4,))
    return keras.Model(source, end(source), name="net")


def values(count: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)


@pytest.mark.parametrize(("end", "kind"), CERTAIN.values(), ids=CERTAIN.keys())
def test_what_the_graph_shows(end: Callable[[Any], Any], kind: str) -> None:
    model = model_of(end)
    opened = from_model(model)
    assert opened.output.kind == kind
    expected = model.predict(values(), verbose=0)
    if kind == "sigmoid":
        expected = np.concatenate([1 - expected, expected], axis=1)
    np.testing.assert_allclose(opened.predict(values()), expected, atol=1e-6)


@pytest.mark.parametrize("end", UNCERTAIN.values(), ids=UNCERTAIN.keys())
def test_all_else_is_values_which_stay_as_they_are_and_classify_nothing(end: Callable[[Any], Any]) -> None:
    model = model_of(end)
    opened = from_model(model)
    assert opened.output.kind == "values"
    np.testing.assert_allclose(opened.predict(values()), model.predict(values(), verbose=0), atol=1e-6)
    with pytest.raises(
        SepzooError, match=r"^net: expected class scores\. .* values \(.*--output-kind\), one of softmax"
    ):
        opened.top(np.eye(3))


@pytest.mark.parametrize(
    ("function", "kind"), [(tf.nn.softmax, "softmax"), (ops.softmax, "softmax"), (half_a_softmax, "values")]
)
def test_a_function_is_known_by_where_it_comes_from(function: Callable[[Any], Any], kind: str) -> None:
    model = model_of(dense(3, function))
    opened = from_model(model)
    assert opened.output.kind == kind
    np.testing.assert_allclose(opened.predict(values()), model.predict(values(), verbose=0), atol=1e-6)


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
def test_a_softmax_of_one_class_says_nothing() -> None:
    assert read_output("softmax", (1,), labels=0).kind == "values"
    ones = model_of(chain(dense(4), layer("Reshape", (4, 1)), layer("Softmax")))
    assert from_model(ones).output.kind == "values"


def test_a_linear_end_of_as_many_outputs_as_labels_is_logits() -> None:
    model = model_of(dense(4))
    opened = from_model(model, labels=list("abcd"))
    assert (opened.output.kind, opened.from_logits) == ("logits", True)
    assert opened.output.reason == "linear outputs, as many as there are labels"
    logits = model.predict(values(), verbose=0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(opened.predict(values()), expected, atol=1e-6)


def test_one_logit_is_a_sigmoid_of_two_classes_where_that_is_said() -> None:
    model = model_of(dense(1))
    opened = from_model(model, outputs="logits", labels=["no", "yes"])
    yes = 1 / (1 + np.exp(-model.predict(values(), verbose=0)))
    np.testing.assert_allclose(opened.predict(values()), np.concatenate([1 - yes, yes], axis=1), atol=1e-6)
    assert opened.top(opened.predict(values()), 1)[0][0].label == ("yes" if yes[0, 0] > 0.5 else "no")


def test_what_is_said_travels_with_the_file(tmp_path: Path) -> None:
    model = model_of(dense(4))
    said = Metadata("net", None, preprocessing=None, features=Features((4,)), outputs=(Output("logits"),))
    opened = inference.open(model_file.save(model_file.attach(model, said), tmp_path / "net.keras"))
    assert opened.metadata == said
    assert opened.output.reason == "as the file says"
    np.testing.assert_allclose(opened.predict(values()).sum(axis=1), 1, atol=1e-6)
    again = inference.open(tmp_path / "net.keras", outputs="values")
    np.testing.assert_allclose(again.predict(values()), model.predict(values(), verbose=0), atol=1e-6)


@pytest.mark.parametrize(
    ("end", "said", "text"),
    [
        (SOFTMAX, "logits", "a model that ends in a softmax, which would be applied twice"),
        (SOFTMAX, "sigmoid", "expected one probability as sigmoid"),
        (dense(1), "softmax", "expected two classes or more as softmax"),
        (layer("Reshape", (2, 2, 1)), "logits", "expected one score a class as logits"),
        (dense(3), "probabilities", "unknown kind of output 'probabilities'"),
    ],
)
def test_what_cannot_be_true_is_refused(end: Callable[[Any], Any], said: str, text: str) -> None:
    with pytest.raises(SepzooError) as caught:
        from_model(model_of(end), outputs=said)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_line_s_form() -> None:
    assert parse_output("pose=map") == Output("map", "pose")
    with pytest.raises(SepzooError, match=r"unknown kind of output 'softmx'\. Did you mean softmax"):
        parse_output("softmx")


def test_a_sepzoo_json_of_the_first_version_is_read() -> None:
    preprocessing = {"mean": [0.0], "std": [255.0], "crop_fraction": 1.0}
    text = json.dumps({"name": "n", "labels": None, "preprocessing": preprocessing})
    metadata = Metadata.from_json(text)
    assert (metadata.features, metadata.outputs) == (None, None)
    assert metadata.require_preprocessing().std == (255.0,)


def test_pixels_and_features_at_once_are_refused() -> None:
    with pytest.raises(SepzooError, match=r"n: expected pixels, with preprocessing, or features\. Received: both\."):
        Metadata("n", features=Features((4,)))
