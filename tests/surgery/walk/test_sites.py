"""What a rule is told about a layer."""

from __future__ import annotations

import keras
from keras import layers

from sepzoo.surgery import sites


def by_name(model):
    return {site.name: site for site in sites(model)}


def residual():
    x = keras.Input((8, 8, 3), name="x")
    a = layers.Conv2D(3, 3, padding="same", name="a")(x)
    b = layers.ReLU(name="b")(a)
    return keras.Model(x, [layers.Add(name="add")([b, a]), b], name="residual")


def test_neighbours_and_shapes():
    found = by_name(residual())
    assert list(found) == ["x", "a", "b", "add"] or list(found) == ["a", "b", "add"]
    assert found["a"].input_shape == found["a"].output_shape == (None, 8, 8, 3)
    assert found["a"].producer.name == "x"
    assert found["a"].consumer is None  # b and add
    assert [operation.name for operation in found["a"].calls[0].consumers] == ["b", "add"]
    assert found["b"].producer is found["a"].layer
    assert found["b"].consumer is None  # an output of the model
    assert found["b"].calls[0].is_output
    assert found["add"].producer is None  # two inputs
    assert [operation.name for operation in found["add"].calls[0].producers] == ["b", "a"]


def test_a_shared_layer_is_one_site_with_several_calls():
    x = keras.Input((8, 8, 3), name="x")
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    inner = keras.Model(x, conv(conv(x)), name="net")
    y = keras.Input((8, 8, 3), name="y")
    site = by_name(keras.Model(y, conv(inner(y))))["net/conv"]
    assert len(site.calls) == 3
    assert site.producer is None
    assert site.consumer is None


def test_a_nested_model_called_twice_is_looked_at_once():
    x = keras.Input((8, 8, 3), name="x")
    inner = keras.Model(x, layers.Conv2D(3, 3, padding="same", name="conv")(x), name="net")
    y = keras.Input((8, 8, 3), name="y")
    model = keras.Model(y, inner(inner(y)))
    assert len(by_name(model)["net/conv"].calls) == 1


def test_arguments_of_a_call():
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.Dropout(0.5, name="drop")(layers.BatchNormalization(name="bn")(x), training=True))
    found = by_name(model)
    assert found["drop"].calls[0].arguments == {"training": True}
    assert found["bn"].calls[0].arguments == {}


def test_one_layer_is_the_only_taker():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="d"), layers.ReLU(name="r")])
    found = by_name(model)
    assert found["d"].consumer is found["r"].layer
    assert found["r"].consumer is None
