"""What comes to layers: what Keras's own models up to there give, while weights are changed from front to back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest

from sepzoo.applications import build
from sepzoo.layers.graph import run
from sepzoo.surgery.walk import layer_inputs
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import ModelInputs
from tests.small import SMALL

L = keras.layers


def changes(layer: keras.Layer, generator: np.random.Generator) -> None:
    """Give a layer other weights."""
    layer.set_weights([each + generator.normal(0, 0.1, each.shape) for each in layer.get_weights()])


@pytest.mark.parametrize("most", [layer_inputs.MOST_BYTES, 40_000, 0])
@pytest.mark.parametrize("family", ["mobilenet_v3", "fractalnet", "tc_resnet"])
def test_they_are_those_of_keras_though_layers_change(family: str, most: int) -> None:
    name, arguments = SMALL[family]
    model, generator = build(name, **arguments), np.random.default_rng(0)
    inputs = generator.uniform(-1, 1, (33, *model.input_shape[1:])).astype("float32")  # two batches
    come = LayerInputs(model, ModelInputs((inputs,)), most=most)
    with_weights = [layer for layer in model.layers if layer.get_weights()]
    for layer in with_weights[:: max(1, len(with_weights) // 8)]:
        batches = list(come.of(layer))
        assert [len(batch[0]) for batch in batches] == [32, 1]
        (found,) = (np.concatenate(each) for each in zip(*batches, strict=True))
        right = np.asarray(keras.Model(model.input, layer.input)(inputs))
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5 * np.abs(right).max())
        changes(layer, generator)


def shared(x: Any) -> Any:
    """A layer that runs twice, with another between, and one that gives what it takes."""
    conv = L.Conv2D(4, 3, padding="same", name="conv")
    y = L.Conv2D(4, 1, name="between")(L.Dropout(0.5)(conv(x)))
    return L.Conv2D(2, 1, name="last")(L.Add()([conv(y), y, x]))


def nested(x: Any) -> Any:
    source = keras.Input(x.shape[1:])
    inner = L.Conv2D(4, 3, padding="same", name="conv")(source)
    inside = keras.Model(source, [L.ReLU()(inner), inner], name="inside")
    one, two = inside(x)
    three, _unused = inside(L.Subtract()([one, two]))
    return L.Conv2D(2, 1, name="last")(L.Concatenate()([three, two, x]))


def several(x: Any) -> Any:
    """An operation of several outputs, taken at different places."""
    one, two = keras.ops.split(L.Conv2D(8, 1, name="conv")(x), 2, axis=-1)
    y = L.Conv2D(4, 1, name="between")(one)
    return L.Conv2D(2, 1, name="last")(y * two + one)


@pytest.mark.parametrize("body", [shared, nested, several])
def test_shared_and_nested_layers(body: Callable[[Any], Any]) -> None:
    x = keras.Input((6, 6, 4))
    model, generator = keras.Model(x, body(x)), np.random.default_rng(0)
    inputs = generator.normal(size=(40, 6, 6, 4)).astype("float32")
    come = LayerInputs(model, ModelInputs((inputs,)))
    parts = [model, *(part for part in model.layers if isinstance(part, keras.Model))]
    layers = {layer.name: layer for part in parts for layer in part.layers}
    for name in ("conv", "between", "last", "conv"):  # the first one again
        if name in layers:
            layer = layers[name]
            batches = list(come.of(layer))
            found = [np.concatenate(each) for each in zip(*batches, strict=True)]
            right = seen_by(layer, model, inputs)
            assert len(found) == len(right) > 0
            for one, other in zip(found, right, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
            changes(layer, generator)


def seen_by(layer: keras.Layer, model: keras.Model, inputs: np.ndarray) -> list[np.ndarray]:
    """Return what a layer is called with while Keras runs its model."""
    seen, call = [], type(layer).call

    def watched(self: keras.Layer, value: Any) -> Any:
        if self is layer:
            seen.append(np.asarray(value))
        return call(self, value)

    with mock.patch.object(type(layer), "call", watched):
        model(inputs)
    return seen


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the operations that were computed."""
    names: list[str] = []

    def counting(operation: Any, *given: Any, **options: Any) -> Any:
        names.append(operation.name)
        return run(operation, *given, **options)

    monkeypatch.setattr(layer_inputs, "run", counting)
    return names


@pytest.mark.parametrize(("most", "runs"), [(layer_inputs.MOST_BYTES, 6), (0, 21)])
def test_all_layers_together_take_one_run(most: int, runs: int, counted: list[str]) -> None:
    layers = [L.Dense(4, name=f"layer{number}") for number in range(7)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    come = LayerInputs(model, ModelInputs((np.ones((3, 4), "float32"),)), most=most)
    list(come.of(layers[0]))
    counted.clear()  # the one sample that says what is wanted when
    for layer in layers[1:]:
        list(come.of(layer))
    assert len(counted) == runs
