"""What a format has no operators for is named by its layers, in one line, whatever the converter says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.data import Samples
from sepzoo.export.pipeline import write
from sepzoo.export.targets import TARGETS
from sepzoo.inference.keras_model import from_model
from sepzoo.support.errors import SepzooError
from tests.extras import needed_by

TOKENS = Samples(np.arange(24).reshape(6, 4) % 9, None, origin="tokens", seed=0)
NUMBERS = Samples(np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4), None, origin="numbers", seed=0)
SAID = (
    "{target} has no operators for parts of {name}: {parts}. Put other layers in their place, or take another format: "
    "`sepzoo export --to all` tries each. The converter's own words are in {place}.log."
)
OUTSIDE = "operations outside of layers (tf.Erfinv)"


def hashing() -> keras.Model:
    source = keras.Input((4,), dtype="int64")
    hashed, counted = layers.Hashing(7, name="buckets")(source), layers.CategoryEncoding(9, name="counts")(source)
    found = layers.Embedding(7, 3, name="vectors")(hashed)
    y = layers.Concatenate()([layers.Flatten()(found), counted])
    return keras.Model(source, layers.Dense(2, name="dense")(y), name="tokens")


def looking_up() -> keras.Model:
    source = keras.Input((4,), dtype="int64")
    found = layers.Embedding(9, 3, name="vectors")(layers.IntegerLookup(vocabulary=[3, 5, 7], name="known")(source))
    return keras.Model(source, layers.Dense(2)(layers.Flatten()(found)), name="tokens")


def cutting() -> keras.Model:
    source = keras.Input((4,))
    bins = layers.Discretization(bin_boundaries=[-0.5, 0.0, 0.5], name="bins")(source)
    return keras.Model(source, layers.Dense(2)(layers.Flatten()(layers.Embedding(4, 3)(bins))), name="numbers")


def inverting() -> keras.Model:
    source = keras.Input((4,))
    return keras.Model(source, layers.Dense(2)(keras.ops.erfinv(keras.ops.tanh(source))), name="numbers")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "target", "parts"),
    [
        (hashing, "tflite:float32", "'buckets' (tf.AsString), 'counts' (tf.DenseBincount)"),
        (inverting, "tflite:float32", OUTSIDE),
        (hashing, "onnx", "'buckets' (tf.StringToHashBucketFast)"),
        (looking_up, "onnx", "'known' (tf.LookupTableFindV2)"),
        (cutting, "onnx", "'bins' (tf.Bucketize)"),
        (inverting, "onnx", OUTSIDE),
        (hashing, "openvino", "'buckets' (tf.AsString), 'counts' (tf.DenseBincount)"),
        (inverting, "openvino", OUTSIDE),
        (inverting, "openvino:int8", OUTSIDE),
        (inverting, "onnx:int8", OUTSIDE),
    ],
)
def test_what_a_format_has_no_operators_for_is_named(
    network: Callable[[], keras.Model], target: str, parts: str, tmp_path: Path
) -> None:
    needed_by(target)
    model, place = network(), tmp_path / f"m{TARGETS[target].suffix}"
    seen = TOKENS if model.name == "tokens" else NUMBERS
    with pytest.raises(SepzooError) as caught:
        write(from_model(model), TARGETS[target], place, calibration=seen, check=seen)
    assert str(caught.value) == SAID.format(target=target, name=model.name, parts=parts, place=place)
    assert [path.name for path in tmp_path.iterdir()] == [f"{place.name}.log"]


@pytest.mark.slow
def test_what_xla_has_no_operators_for_is_named(tmp_path: Path) -> None:
    message = r"^tokens: TensorFlow cannot run this model \(XLA has no LookupTableFindV2 at .*/known\.\d+_\d+/.*\)\.$"
    with pytest.raises(SepzooError, match=message):
        write(from_model(looking_up()), TARGETS["xla"], tmp_path / "m_xla", check=TOKENS)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_a_runtime_does_not_take_of_its_converter_is_said(tmp_path: Path) -> None:
    """Of attention TensorFlow's converter makes a comparison of 16 bits with floats, which LiteRT has not."""
    source = keras.Input((3, 3, 6))
    x = layers.Flatten()(layers.MultiHeadAttention(2, 3)(source, source))
    model = keras.Model(source, layers.Dense(2)(x), name="attention")
    seen = Samples(np.random.default_rng(0).normal(size=(6, 3, 3, 6)).astype("float32"), None, origin="noise", seed=0)
    message = (
        r"^tflite:int16x8 of attention was refused: its runtime does not take what the converter made "
        r"\(.*EQUAL.*\)\. No file was written\. Take another format, or put other layers in their place\.$"
    )
    with pytest.raises(SepzooError, match=message) as caught:
        write(from_model(model), TARGETS["tflite:int16x8"], tmp_path / "m.tflite", calibration=seen)
    assert str(tmp_path) not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_keras_on_jax_cannot_trace_is_named(tmp_path: Path) -> None:
    needed_by("stablehlo")
    message = r"^the converter to stablehlo refused tokens: Keras on JAX: in layer 'known': Tracer\w+Error: .*\.log\.$"
    with pytest.raises(SepzooError, match=message) as caught:
        write(from_model(looking_up()), TARGETS["stablehlo"], tmp_path / "m_stablehlo", check=TOKENS)
    assert "\n" not in str(caught.value)
    assert "Traceback" in (tmp_path / "m_stablehlo.log").read_text()
