"""A SavedModel of functions alone answers and converts as the one that Keras itself writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sepzoo.export.formats import tflite_converter
from sepzoo.export.formats.saved_functions import save_functions

layers = keras.layers


def image_network() -> keras.Model:
    source = keras.Input((12, 12, 3), name="image")
    x = layers.BatchNormalization()(layers.SeparableConv2D(8, 3)(source))
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(layers.ReLU(6.0)(x)))  # has a seed, which nothing reads
    return keras.Model(source, layers.Dense(3)(x))


def looked_up() -> keras.Model:
    source = keras.Input((4,), dtype="int64", name="numbers")
    x = layers.Embedding(5, 3)(layers.IntegerLookup(vocabulary=[50, 60, 70])(source))
    return keras.Model(source, layers.Dense(2)(layers.Flatten()(x)))


def function_of(model: keras.Model) -> Any:
    [given] = model.inputs
    spec = tf.TensorSpec((1, *given.shape[1:]), given.dtype, name=given.name)
    return tf.function(lambda x: {"output_0": model(x, training=False)}, autograph=False).get_concrete_function(spec)


@pytest.mark.parametrize("make", [image_network, looked_up])
def test_it_answers_like_the_model_in_tensorflow_alone(make: Any, tmp_path: Path) -> None:
    model = make()
    save_functions({"named": function_of(model)}, model, tmp_path / "saved")
    values = np.array([[50, 70, 1, 60]]) if make is looked_up else np.random.default_rng(0).normal(size=(1, 12, 12, 3))
    given = tf.constant(values.astype(model.inputs[0].dtype))
    [answer] = tf.saved_model.load(tmp_path / "saved").signatures["named"](given).values()
    np.testing.assert_allclose(answer, model.predict(given, verbose=0), atol=1e-6)


def test_the_converter_makes_the_bytes_that_it_makes_of_kerass_own(tmp_path: Path) -> None:
    model = image_network()
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 12, 12, 3)), np.zeros((2, 3)), verbose=0)  # its training function and optimizer stay here
    archive = keras.export.ExportArchive()
    archive.track(model)
    spec = tf.TensorSpec((1, 12, 12, 3), "float32", name="image")
    archive.add_endpoint("serving_default", lambda x: {"output_0": model(x, training=False)}, input_signature=[spec])
    archive.write_out(str(tmp_path / "keras"), verbose=False)
    tflite_converter.save(model, tmp_path / "ours")
    assert tflite_converter.floats(tmp_path / "ours") == tflite_converter.floats(tmp_path / "keras")
    graphs = [(tmp_path / name / "saved_model.pb").stat().st_size for name in ("ours", "keras")]
    assert graphs[0] < graphs[1]
