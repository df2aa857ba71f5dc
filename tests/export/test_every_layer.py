"""Every built-in layer of Keras: surgery and export keep its outputs, its state and what it derives from that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import Tolerance, tflite
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import fold_batch_norm, rewrite, to_keras
from tests.export.every_layer import LEFT_OUT, NO_OPERATOR, TEXT, TOKENS, WITHIN, L, branch, made, names

pytestmark = pytest.mark.filterwarnings("ignore:[\\s\\S]*was passed an input with a mask attached")
"""`Flatten` takes what is masked as it is."""

FLOATS = sorted(names() - {*TOKENS, *TEXT, *WITHIN, *LEFT_OUT})
GROUPS = [FLOATS[start::3] for start in range(3)]
SURGERIES = (fold_batch_norm, to_keras, lambda model: rewrite(model, lambda site: None))
PIXELS = np.random.default_rng(0).uniform(0, 255, (4, 192)).astype("float32")
RANDOM = np.random.default_rng(0)


def randomize(model: keras.Model) -> None:
    """Give every variable a value of its own, and let `Normalization` learn its state."""
    for layer in model.layers:
        if isinstance(layer, L.Normalization):
            layer.adapt(RANDOM.normal(90, 30, (20, 8, 8, 3)))
            continue
        values = [
            RANDOM.uniform(0.5, 1.5, weight.shape) if "variance" in weight.path else RANDOM.normal(0, 0.3, weight.shape)
            for weight in layer.weights
        ]
        if not any(isinstance(each, L.StringLookup | L.IntegerLookup) for each in (layer,)):
            layer.set_weights(values)


def of_floats(group: Sequence[str]) -> tuple[keras.Model, dict[str, slice]]:
    """Return one model of many layers side by side, and where each one's outputs stand among its own."""
    keras.utils.set_random_seed(0)
    x = keras.Input((192,))
    found = {name: branch(name, x) for name in group}
    places, start = {}, 0
    for name, y in found.items():
        places[name] = slice(start, start + y.shape[1])
        start += y.shape[1]
    model = keras.Model(x, L.Concatenate(name="all")(list(found.values())), name="layers")
    randomize(model)
    return model, places


def check(found: np.ndarray, expected: np.ndarray, places: dict[str, slice], limit: float) -> None:
    """Hold each layer's outputs against Keras's own, and name those that are off."""
    off = {
        name: float(np.abs(found[:, place] - expected[:, place]).max())
        for name, place in places.items()
        if not np.allclose(
            found[:, place], expected[:, place], rtol=limit, atol=limit * np.abs(expected[:, place]).max()
        )
    }
    assert off == {}


def test_every_layer_has_a_case_or_a_reason() -> None:
    assert names() == {*FLOATS, *TOKENS, *TEXT, *WITHIN, *LEFT_OUT}


def with_state() -> list[str]:
    """Return the layers that have variables of their own, but for random seeds."""
    x = keras.Input((192,))
    found = []
    for name in FLOATS:
        model = keras.Model(x, branch(name, x))
        if any("seed" not in variable.path for variable in model.variables):
            found.append(name)
    return found


def hold(group: Sequence[str], path: Path) -> None:
    """Send layers through each surgery and through an export, and hold them against Keras's own outputs."""
    model, places = of_floats([name for name in group if name not in NO_OPERATOR])
    before = {variable.path: np.array(variable) for variable in model.variables if "seed" not in variable.path}
    expected = model.predict(PIXELS, verbose=0)
    assert [name for name, place in places.items() if not np.ptp(expected[:, place])] == []
    for surgery in SURGERIES:
        new, _report = surgery(model)
        check(np.asarray(new(PIXELS, training=False)), expected, places, 1e-4)
    samples = Samples(PIXELS, None, origin="noise", seed=0)
    report = tflite(model, path, check=samples, tolerance=Tolerance())
    check(inference.open(report.path).predict(PIXELS), expected, places, 1e-3)
    for variable in model.variables:
        if variable.path in before:
            np.testing.assert_array_equal(np.array(variable), before[variable.path])


@pytest.mark.slow
def test_layers_that_hold_state(tmp_path: Path) -> None:
    group = with_state()
    assert {"BatchNormalization", "Bidirectional", "LSTM", "Normalization", "SpectralNormalization"} < set(group)
    hold(group, tmp_path / "m.tflite")


@pytest.mark.nightly
@pytest.mark.parametrize("group", GROUPS, ids=["first third", "second third", "third third"])
def test_layers_of_floats(group: list[str], tmp_path: Path) -> None:
    hold(group, tmp_path / "m.tflite")


@pytest.mark.slow
def test_layers_of_tokens(tmp_path: Path) -> None:
    tokens = keras.Input((192,), dtype="int64", name="tokens")
    taken: dict[str, Any] = {name: made(name) for name in TOKENS}
    found = [
        layer([tokens[:, :1], tokens[:, 1:2]] if name == "HashedCrossing" else tokens) for name, layer in taken.items()
    ]
    flat = [L.Flatten()(keras.ops.cast(each, "float32")) for each in found]
    numbers = keras.ops.cast(tokens, "float32")
    flat += [branch(name, numbers) for name in NO_OPERATOR if name not in TOKENS]
    model = keras.Model(tokens, L.Concatenate()(flat), name="tokens")
    values = RANDOM.integers(0, 9, (4, 192))
    expected = model.predict(values, verbose=0)
    for surgery in (fold_batch_norm, lambda model: rewrite(model, lambda site: None)):
        np.testing.assert_allclose(surgery(model)[0].predict(values, verbose=0), expected, atol=1e-5)
    with pytest.raises(SepzooError) as caught:
        tflite(model, tmp_path / "m.tflite", check=Samples(values, None, origin="tokens", seed=0))
    text = str(caught.value)
    assert text.startswith("tflite:float32 has no operators for parts of tokens: ")
    own = [layer.name for layer in model.layers if type(layer).__name__ in NO_OPERATOR]
    assert len(own) == len(NO_OPERATOR)
    assert [name for name in own if repr(name) not in text] == []


@pytest.mark.slow
def test_layers_of_text(tmp_path: Path) -> None:
    source = keras.Input((1,), dtype="string", name="text")
    lookup = L.StringLookup(name="words")
    lookup.adapt(np.array(["b", "a", "b"]))
    vectors = L.TextVectorization(vocabulary=["x", "a"], output_sequence_length=3, name="vectors")
    both = L.Concatenate()([lookup(source), vectors(source)])
    model = keras.Model(source, L.Embedding(6, 2)(both), name="text")
    words = keras.ops.convert_to_tensor(np.array([["a"], ["b"], ["c"]]))
    expected = np.asarray(model(words))
    for surgery in (fold_batch_norm, lambda model: rewrite(model, lambda site: None)):
        np.testing.assert_allclose(np.asarray(surgery(model)[0](words)), expected)
    with pytest.raises(SepzooError, match=r"^text: expected inputs of numbers\. Received: 'text', one of text\."):
        tflite(model, tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []
