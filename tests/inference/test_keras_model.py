"""Keras models, in a file and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.artifact import model_file
from sepzoo.inference.keras_model import ends_in_logits, from_model
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError

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


@pytest.mark.parametrize(
    "end",
    [
        [layers.Dense(2, activation="softmax")],
        [layers.Dense(2), layers.Softmax()],
        [layers.Dense(2), layers.Activation("softmax")],
        [layers.Dense(2), keras.ops.softmax],
        [layers.Dense(2, activation="sigmoid")],
        [layers.Dense(2, activation="softmax"), layers.Reshape((2,)), layers.Flatten(), layers.Identity()],
        [keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="softmax")])],
    ],
)
def test_probabilities_are_known_as_such(end: list) -> None:
    assert not ends_in_logits(network(*end))


@pytest.mark.parametrize(
    "end",
    [
        [layers.Dense(2)],
        [layers.Dense(2, activation="relu")],
        [layers.Dense(2, activation="softmax"), layers.Dense(2)],
        [layers.Dense(2), layers.Activation("linear")],
        [keras.Sequential([keras.Input((4,)), layers.Dense(2)])],
    ],
)
def test_logits_are_known_as_such(end: list) -> None:
    assert ends_in_logits(network(*end))


def test_a_free_size_is_refused_with_the_remedy() -> None:
    with pytest.raises(SepzooError, match=r"Received: \(None, None, 3\)\. Build the network with input_shape="):
        from_model(network(layers.Dense(2), shape=(None, None, 3)))


def test_a_backbone_is_refused_with_the_remedy() -> None:
    source = keras.Input((6, 6, 3))
    with pytest.raises(SepzooError, match=r"Received: \[\(None, 4, 4, 4\)\]\. Build the network with include_top=True"):
        from_model(keras.Model(source, layers.Conv2D(4, 3)(source)))


def test_a_network_of_vectors_is_refused() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(SepzooError, match=r"expected one input of images\. Received: inputs of shape \[\(None, 4\)\]"):
        from_model(model)


def test_a_subclassed_model_is_refused() -> None:
    class Program(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(SepzooError, match=r"expected a functional or Sequential model\."):
        from_model(Program())
