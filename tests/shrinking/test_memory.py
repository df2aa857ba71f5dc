"""What is in memory at once, against the tensors of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import sepzoo
from sepzoo.shrinking import Budget, shrink
from sepzoo.shrinking.files import activation_bytes
from sepzoo.shrinking.memory import turns_of
from sepzoo.shrinking.network import network_of
from sepzoo.support.types import Tensor
from sepzoo.surgery.walk.model_inputs import ModelInputs
from tests.shrinking.random_choices import NETWORKS, Costed

layers = keras.layers
SAMPLES = np.random.default_rng(0).normal(size=(48, 16, 16, 3)).astype("float32")


def unit(x: Tensor, filters: int, strides: int = 1) -> Tensor:
    y = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    y = layers.Conv2D(filters, 3, padding="same")(layers.ReLU()(layers.BatchNormalization()(y)))
    if x.shape[-1] != filters or strides > 1:
        x = layers.Conv2D(filters, 1, strides=strides)(x)
    return layers.ReLU()(layers.Add()([x, y]))


def residual(x: Tensor) -> Tensor:
    return unit(unit(layers.Conv2D(16, 3, padding="same", activation="relu")(x), 16), 32, strides=2)


def preactivated(x: Tensor) -> Tensor:
    x = layers.Conv2D(16, 3, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization()(x))
    return layers.Add()([x, layers.Conv2D(16, 3, padding="same")(y)])


def joined(x: Tensor) -> Tensor:
    outer = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    inner = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(outer))
    return layers.Concatenate()([layers.Conv2DTranspose(8, 2, strides=2)(inner), outer])


def gated(x: Tensor) -> Tensor:
    x = layers.Conv2D(16, 3, activation="silu")(x)
    gate = layers.Dense(4, activation="relu")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Multiply()([x, layers.Dense(16, activation="sigmoid")(gate)])


def nested(x: Tensor) -> Tensor:
    inner = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(24, 3, use_bias=False), layers.PReLU()])
    return layers.Dropout(0.5)(layers.Conv2D(16, 3, activation="relu")(inner(x)))


def nested_of_any_size(x: Tensor) -> Tensor:
    row = [layers.Conv2D(24, 3, padding="same"), layers.PReLU(shared_axes=[1, 2])]
    inner = keras.Sequential([keras.Input((None, None, 3)), *row])
    return layers.Conv2D(16, 3, activation="relu")(layers.MaxPooling2D()(inner(x)))


def at_two_sizes(x: Tensor) -> Tensor:
    shared = layers.Conv2D(16, 3, padding="same", activation="relu")
    x = shared(layers.Conv2D(16, 3, padding="same")(x))
    return shared(layers.MaxPooling2D()(x))


def network(body: Callable[[Tensor], Tensor]) -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((16, 16, 3))
    return keras.Model(x, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(body(x))), name="net")


@pytest.mark.parametrize("integers", [False, True], ids=["float32", "int8"])
@pytest.mark.parametrize("body", [residual, preactivated, joined, gated, nested, nested_of_any_size, at_two_sizes])
def test_the_largest_moment_is_that_of_the_file(
    body: Callable[[Tensor], Tensor], integers: bool, tmp_path: Path
) -> None:
    model, path = network(body), tmp_path / "net.tflite"
    moments = turns_of(network_of(model, ModelInputs((SAMPLES,)), prune=False)).moments((), integers=integers)
    tolerance = sepzoo.export.Tolerance()
    quantize = "int8" if integers else None
    sepzoo.export.tflite(model, path, quantize=quantize, calibration=SAMPLES, check=SAMPLES, tolerance=tolerance)
    assert max(each.bytes(()) for each in moments) == activation_bytes(path.read_bytes())


def test_a_layer_that_has_candidates_counts_itself() -> None:
    x = keras.Input((16, 16, 3))
    stem = layers.Conv2D(16, 3, padding="same", name="stem")(x)
    y = layers.Conv2D(8, 3, padding="same", name="first")(stem)
    y = layers.Add(name="sum")([stem, layers.Conv2D(16, 3, padding="same", name="second")(y)])
    turns = turns_of(network_of(keras.Model(x, y), ModelInputs((SAMPLES,)), prune=False))
    stems = 4 * 16 * 16 * 16
    found = {each.name: (each.layer, each.bytes(())) for each in turns.moments({"first", "second"}, integers=False)}
    assert found["first"] == ("first", 0)  # what it takes and gives is its candidates'
    assert found["second"] == ("second", stems)  # which the sum waits for
    assert found["stem"] == (None, 4 * 16 * 16 * 3 + stems)
    assert found["sum"] == (None, 3 * stems)
    assert [turns.needed_later(name) for name in ("stem", "first", "second")] == [False, True, False]


@pytest.mark.slow
@pytest.mark.parametrize("integers", [False, True], ids=["float32", "int8"])
@pytest.mark.parametrize("body", NETWORKS)
def test_random_choices_take_the_memory_that_was_expected(
    body: Callable[[], keras.Model], integers: bool, tmp_path: Path
) -> None:
    costed = Costed.of(body, integers=integers, folder=tmp_path)
    for seed in range(6):
        drawn = costed.drawn(seed)
        assert costed.ram(drawn) == activation_bytes(costed.written(drawn)), drawn


def branches(names: str) -> keras.Model:
    name = iter(names)
    x = image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", name=next(name))(x)
    y = layers.Conv2D(8, 3, padding="same", activation="relu", name=next(name))(x)
    y = layers.Conv2D(8, 3, padding="same", name=next(name))(y)
    z = layers.Conv2D(8, 1, name=next(name))(layers.MaxPooling2D(3, 1, padding="same", name=next(name))(x))
    x = layers.Concatenate(name=next(name))([layers.Conv2D(8, 1, name=next(name))(x), y, z])
    return keras.Model(image, x, name="net")


@pytest.mark.parametrize("names", ["abcdefg", "gfedcba", "debfgac", "cagbfed"])
def test_branches_come_in_the_order_of_the_file(names: str, tmp_path: Path) -> None:
    model, path = branches(names), tmp_path / "net.tflite"
    samples = SAMPLES[:, :8, :8]
    turns = turns_of(network_of(model, ModelInputs((samples,)), prune=False))
    sepzoo.export.tflite(model, path, check=samples, tolerance=sepzoo.export.Tolerance())
    graph = schema.Model.GetRootAs(path.read_bytes(), 0).Subgraphs(0)
    given = [graph.Tensors(graph.Operators(place).Outputs(0)).Name() for place in range(graph.OperatorsLength() - 1)]
    found = [text.decode().split(";")[-1].split("/")[1][0] for text in given]
    assert [each.name for each in turns.operators[1:-1]] == found


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["tflite:float32", "tflite:int8"])
@pytest.mark.parametrize("share", ["90%", "55%"])
def test_a_residual_network_keeps_a_budget_of_memory(share: str, runtime: str) -> None:
    _, report = shrink(network(residual), budget=Budget(ram_kib=share), samples=SAMPLES, runtime=runtime)
    assert report.rounds == 1
    assert report.measured["ram_kib"] == pytest.approx(report.predicted["ram_kib"])
    assert report.measured["ram_kib"] <= report.limits["ram_kib"] < report.original["ram_kib"]
