"""Layers that tf2onnx does not take as Keras writes them, run by ONNX Runtime beside the model as given."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.data import Samples
from sepzoo.export import Tolerance, export
from tests.extras import needed

pytestmark = pytest.mark.slow
IMAGE, SERIES = (12, 12, 6), (20, 6)
LAYERS = {
    "gelu": (IMAGE, lambda: keras.layers.Conv2D(5, 3, activation="gelu")),
    "grouped, strided": (IMAGE, lambda: keras.layers.Conv2D(9, 3, groups=3, strides=2, padding="same")),
    "grouped, dilated": (IMAGE, lambda: keras.layers.Conv2D(4, 3, groups=2, dilation_rate=2, activation="relu")),
    "a channel each": (IMAGE, lambda: keras.layers.Conv2D(6, (3, 1), groups=6, use_bias=False)),
    "over series": (SERIES, lambda: keras.layers.Conv1D(8, 3, groups=2, padding="causal")),
    "normalization": (IMAGE, lambda: keras.layers.Normalization(mean=[0.5] * 6, variance=[1.0, 2, 3, 4, 5, 0.5])),
    "inverted": (IMAGE, lambda: keras.layers.Normalization(mean=[0.5] * 6, variance=[2.0] * 6, invert=True)),
}


@pytest.mark.parametrize("target", ["onnx", "onnx:int8"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_file_answers_as_the_model(name: str, target: str, tmp_path: Path) -> None:
    runtime = needed("onnxruntime", "onnx")
    keras.utils.set_random_seed(0)
    shape, layer = LAYERS[name]
    head = [keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")]
    model = keras.Sequential([keras.Input(shape), layer(), *head], name="net")
    pixels = np.random.default_rng(0).normal(size=(16, *shape)).astype("float32")
    samples = Samples(pixels, None, origin="noise", seed=0)
    calibration = samples if target == "onnx:int8" else None
    export(model, target, tmp_path / "net.onnx", calibration=calibration, check=samples, tolerance=Tolerance())
    session = runtime.InferenceSession(tmp_path / "net.onnx")
    (given,) = session.get_inputs()
    (found,) = session.run(None, {given.name: pixels})
    np.testing.assert_allclose(found, model.predict(pixels, verbose=0), atol=1e-5 if calibration is None else 0.05)
