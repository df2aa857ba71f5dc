"""Small models of several inputs and outputs, as anybody may write them, and what Keras itself gives for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from sepzoo.data import Samples
from sepzoo.records.preprocessing import Preprocessing

PIXELS = Preprocessing(mean=(10.0, 20.0, 30.0), std=(64.0,))
COUNT = 60


def inputs_of(*names: str) -> dict[str, Any]:
    """Return symbolic inputs of different ranges and types."""
    kinds = {
        "near": ((6,), "float32"),
        "far": ((6,), "float32"),
        "words": ((5,), "int32"),
        "photo": ((8, 8, 3), "float32"),
        "spare": ((3,), "float32"),
    }
    return {name: keras.Input(kinds[name][0], dtype=kinds[name][1], name=name) for name in names}


def arrays(count: int = COUNT, seed: int = 0) -> dict[str, np.ndarray]:
    """Return samples of all inputs: `far` is fifty times as wide as `near`, and not about zero."""
    random = np.random.default_rng(seed)
    return {
        "near": random.normal(size=(count, 6)).astype(np.float32),
        "far": random.uniform(-100, 300, (count, 6)).astype(np.float32),
        "words": random.integers(0, 50, (count, 5)).astype(np.int32),
        "photo": np.kron(random.integers(0, 256, (count, 2, 2, 3)), np.ones((1, 4, 4, 1))).astype(np.uint8),
        "spare": random.normal(size=(count, 3)).astype(np.float32),
    }


def joined(*tensors: Any) -> Any:
    return layers.Dense(8, activation="relu", name="hidden")(layers.Concatenate(name="join")(list(tensors)))


def scaled(far: Any) -> Any:
    return layers.Rescaling(0.01, name="scaled")(far)


def seen(photo: Any) -> Any:
    x = layers.Conv2D(4, 3, use_bias=False, name="conv")(photo)
    return layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="act")(layers.BatchNormalization(name="bn")(x)))


def two_to_one() -> keras.Model:
    x = inputs_of("near", "far")
    hidden = joined(x["near"], scaled(x["far"]))
    return keras.Model([x["near"], x["far"]], layers.Dense(3, activation="softmax", name="classes")(hidden))


def one_to_two() -> keras.Model:
    x = inputs_of("near")
    hidden = layers.Dense(8, activation="relu", name="hidden")(x["near"])
    classes = layers.Dense(3, activation="softmax", name="classes")(hidden)
    return keras.Model(x["near"], [classes, layers.Dense(2, activation="tanh", name="pose")(hidden)])


def two_to_two() -> keras.Model:
    """Outputs of one shape, whose names sort otherwise than they come; so do the inputs'."""
    x = inputs_of("near", "far")
    hidden = joined(x["near"], scaled(x["far"]))
    outputs = [layers.Dense(3, name="zebra")(hidden), layers.Dense(3, activation="tanh", name="ant")(hidden)]
    return keras.Model([x["near"], x["far"]], outputs)


def dictionaries() -> keras.Model:
    """A picture, words and numbers in a dictionary; classes, two logits and a map in another."""
    x = inputs_of("photo", "words", "near")
    words = layers.GlobalAveragePooling1D(name="mean")(layers.Embedding(50, 4, name="embedding")(x["words"]))
    photo = seen(x["photo"])
    hidden = joined(photo, words, x["near"])
    grid = layers.Reshape((2, 2, 2), name="grid")(layers.Dense(8, name="cells")(hidden))
    outputs = {
        "species": layers.Dense(4, activation="softmax", name="dense_1")(hidden),
        "tags": layers.Dense(3, activation="sigmoid", name="dense_2")(hidden),
        "grid": grid,
    }
    return keras.Model(x, outputs)


def nested() -> keras.Model:
    """Two inner models whose layers have the same names, inside dictionaries of lists; one input is not used."""
    x = inputs_of("near", "far", "spare")
    branches = []
    for name, source in (("left", x["near"]), ("right", scaled(x["far"]))):
        inside = keras.Input((6,), name="inside")
        branches.append(keras.Sequential([inside, layers.Dense(4, activation="relu", name="dense")], name=name)(source))
    hidden = joined(*branches)
    head = keras.Input((8,), name="inside")
    both = keras.Model(
        head, [layers.Dense(3, name="dense")(head), layers.Dense(3, activation="tanh", name="other")(head)]
    )
    first, second = both(hidden)
    return keras.Model(
        {"near": x["near"], "rest": [x["far"], x["spare"]]},
        {"first": first, "more": {"second": second, "again": [first, hidden]}},
    )


MODELS: dict[str, Callable[[], keras.Model]] = {
    "two inputs": two_to_one,
    "two outputs": one_to_two,
    "two and two": two_to_two,
    "dictionaries": dictionaries,
    "nested": nested,
}


def made(name: str) -> keras.Model:
    """Return a model whose weights, also those of its batch norm, are random but always the same."""
    keras.utils.set_random_seed(3)
    model = MODELS[name]()
    random = np.random.default_rng(3)
    for layer in (each for each in model.layers if isinstance(each, layers.BatchNormalization)):
        layer.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return model


INPUTS = {
    "two inputs": ("near", "far"),
    "two outputs": ("near",),
    "two and two": ("near", "far"),
    "dictionaries": ("near", "photo", "words"),
    "nested": ("near", "rest/0", "rest/1"),
}
"""What the inputs are called, in the order of `model.inputs`."""

_SOURCES = {"rest/0": "far", "rest/1": "spare"}


def data_for(name: str, count: int = COUNT, seed: int = 0) -> Any:
    """Return samples by the names of a model's inputs; of one input the array alone."""
    drawn = arrays(count, seed)
    given = {each: drawn[_SOURCES.get(each, each)] for each in INPUTS[name]}
    return given if len(given) > 1 else next(iter(given.values()))


def samples_for(name: str, count: int = COUNT) -> Samples:
    return Samples(data_for(name, count), None, origin="arrays", seed=0)


def expected(name: str, model: keras.Model, data: Any) -> Any:
    """Return what Keras's own `predict` gives, by the names of the outputs; of one output the array alone.

    The structures are taken apart here by hand, not by the package.
    """
    given = data
    if name == "dictionaries":
        given = {**data, "photo": (data["photo"].astype(np.float32) - [10.0, 20.0, 30.0]) / 64.0}
    elif name == "nested":
        given = {"near": data["near"], "rest": [data["rest/0"], data["rest/1"]]}
    elif isinstance(data, dict):
        given = [data["near"], data["far"]]
    found = model.predict(given, verbose=0)
    if name == "two outputs":
        return {"classes": found[0], "pose": found[1]}
    if name == "two and two":
        return {"zebra": found[0], "ant": found[1]}
    if name == "nested":
        more = found["more"]
        return {
            "first": found["first"],
            "more/again/0": more["again"][0],
            "more/again/1": more["again"][1],
            "more/second": more["second"],
        }
    return found


def said(name: str) -> dict[str, Any]:
    """Return what has to be said of a model beside its file."""
    return {"preprocessing": {"photo": PIXELS}} if name == "dictionaries" else {}
