"""Keras models, in a file and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.artifact import model_file
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from tests.models import Program

layers = keras.layers


def network(*end: Any, shape: tuple[int | None, ...] = (6, 5, 3)) -> keras.Model:
    source = keras.Input(shape)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(source))
    for layer in end:
        x = layer(x)
    return keras.Model(source, x, name="small")


def test_a_file_carries_everything(tmp_path: Path, seed: int) -> None:
    model = network(layers.Dense(3))
    preprocessing = Preprocessing(mean=(10.0, 20.0, 30.0), std=(50.0,))
    model_file.attach(model, Metadata("small", ("x", "y", "z"), preprocessing))
    opened = inference.open(model_file.save(model, tmp_path / "small.keras"))
    assert (opened.name, opened.input_shape, opened.classes) == ("small", (6, 5, 3), 3)
    assert (opened.labels, opened.preprocessing) == (("x", "y", "z"), preprocessing)
    images = np.random.default_rng(seed).integers(0, 256, (5, 6, 5, 3), np.uint8)
    logits = model.predict((images - np.array([10.0, 20.0, 30.0])) / 50, verbose=0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(opened.predict(images, batch_size=2), expected, atol=1e-5)


def test_what_is_said_goes_before_what_is_carried() -> None:
    model = model_file.attach(network(layers.Dense(2)), Metadata("carried", ("a", "b")))
    opened = from_model(model, labels=("c", "d"), preprocessing=Preprocessing(std=(1.0,)))
    assert (opened.name, opened.labels) == ("carried", ("c", "d"))
    assert opened.preprocessing == Preprocessing(std=(1.0,))


def test_a_bare_model_has_neither_labels_nor_preprocessing() -> None:
    opened = from_model(network(layers.Dense(2)))
    assert (opened.name, opened.labels, opened.preprocessing) == ("small", None, None)


def test_a_free_size_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        SepzooError, match=r"\(None, None, 3\)\. Build .* one size, such as keras\.Input\(\(224, 224, 3"
    ):
        from_model(network(layers.Dense(2), shape=(None, None, 3)))


def test_a_backbone_gives_a_map_and_classifies_nothing() -> None:
    source = keras.Input((6, 6, 3))
    model = keras.Model(source, layers.Conv2D(4, 3)(source))
    opened = from_model(model, preprocessing=Preprocessing(), labels=list("wxyz"))
    assert (opened.output.kind, opened.output_shape) == ("map", (4, 4, 4))
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 3), np.uint8)
    expected = model.predict(Preprocessing().normalize(images), verbose=0)
    np.testing.assert_allclose(opened.predict(images), expected, atol=1e-6)
    with pytest.raises(
        SepzooError, match=r"expected class scores\. .* a map .*Build a network of the zoo with include_top=True"
    ):
        opened.top(np.eye(4))


@pytest.mark.parametrize("shape", [(4,), (20, 4), (49, 10, 1)])
def test_features_go_in_as_they_are(shape: tuple[int, ...]) -> None:
    source = keras.Input(shape)
    model = keras.Model(source, layers.Dense(2, activation="softmax")(layers.Flatten()(source)))
    values = np.random.default_rng(0).normal(size=(5, *shape)).astype(np.float32)
    np.testing.assert_allclose(from_model(model).predict(values), model.predict(values, verbose=0), atol=1e-6)
    said = from_model(model, features=Features(shape))
    np.testing.assert_allclose(said.predict(values, batch_size=2), model.predict(values, verbose=0), atol=1e-6)
    with pytest.raises(SepzooError, match=r"expected features of shape \('n', .*Received: float32 of shape \(5, 3\)\."):
        said.predict(np.zeros((5, 3), np.float32))


def test_an_output_of_open_size_is_refused_in_one_line() -> None:
    source = keras.Input((4,))
    outputs = [layers.Dense(1)(source), layers.Lambda(lambda x: x, output_shape=(None,))(source)]
    with pytest.raises(SepzooError, match=r"expected outputs of fixed size\. Received: \(1,\), \(None,\)\. Build"):
        from_model(keras.Model(source, outputs))


def test_an_output_in_a_dictionary_is_one_output() -> None:
    source = keras.Input((4,))
    model = keras.Model(source, {"scores": layers.Dense(3, activation="softmax")(source)})
    values = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    opened = from_model(model)
    assert opened.output.kind == "softmax"
    np.testing.assert_allclose(opened.predict(values), model.predict(values, verbose=0)["scores"], atol=1e-6)


def test_a_subclassed_model_is_refused() -> None:
    with pytest.raises(SepzooError, match=r"expected a functional or Sequential model\."):
        from_model(Program())


@pytest.mark.parametrize("form", ["tensor", "list", "dictionary"])
def test_one_input_and_one_output_in_any_structure(form: str) -> None:
    keras.utils.set_random_seed(1)
    source = keras.Input((6,), name="a")
    target = layers.Dense(2)(source)
    structures = {
        "tensor": (source, target),
        "list": ([source], [target]),
        "dictionary": ({"a": source}, {"b": target}),
    }
    model = keras.Model(*structures[form])
    values = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    kernel, bias = (np.asarray(weight) for weight in model.weights)
    np.testing.assert_allclose(from_model(model).predict(values), values @ kernel + bias, atol=1e-6)


@pytest.mark.parametrize("size", [(4, 4), (3, 4), (5, 6)])
def test_an_output_of_another_shape_than_the_model_says_is_one_line(size: tuple[int, int]) -> None:
    source = keras.Input((6, 5, 3))
    opened = from_model(keras.Model(source, layers.RandomCrop(*size, name="crop")(source), name="cropped"))
    with pytest.raises(SepzooError) as caught:
        opened.predict(np.zeros((2, 6, 5, 3), np.float32))
    text = str(caught.value)
    assert text.startswith(
        f"cropped: expected output 'crop' of shape {(*size, 3)}, as the model says. Received: (6, 5, 3)"
    )
    assert "RandomCrop" in text
    assert "\n" not in text
