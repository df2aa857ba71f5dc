"""Arrays in the place of samples: whoever has a model of another program has arrays."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import sepzoo
from sepzoo.artifact.model_file import attach
from sepzoo.data import Samples
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 12, 12, 3)).astype("uint8")
SAID = Preprocessing(mean=(127.5,) * 3, std=(127.5,) * 3)
INPUTS = (PIXELS / 127.5 - 1).astype("float32")


def network(*, said: bool) -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Conv2D(16, 3, activation="relu"), keras.layers.Conv2D(16, 3, activation="relu")]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, activation="softmax")]
    model = keras.Sequential([keras.Input((12, 12, 3)), *layers], name="net")
    if said:
        attach(model, Metadata("net", preprocessing=SAID))
    return model


@pytest.mark.parametrize("said", [False, True], ids=["as it takes them", "pixels"])
def test_an_array_calibrates_as_samples_do(said, tmp_path):
    model, given = network(said=said), PIXELS if said else INPUTS
    for name, calibration in (("a", given), ("b", Samples(given, None, origin="noise", seed=0))):
        sepzoo.export.tflite(model, tmp_path / f"{name}.tflite", quantize="int8", calibration=calibration, check=given)
    assert (tmp_path / "a.tflite").read_bytes() == (tmp_path / "b.tflite").read_bytes()


@pytest.mark.parametrize("purpose", ["calibration", "check"])
def test_values_that_are_no_pixels_are_said_before_the_conversion(purpose, tmp_path, monkeypatch):
    monkeypatch.setattr("sepzoo.export.pipeline.convert", lambda *_, **__: pytest.fail("converted"))
    with pytest.raises(sepzoo.SepzooError, match=r"expected pixels of 0 … 255, as uint8\. Received: float32"):
        sepzoo.export.tflite(network(said=True), tmp_path / "net.tflite", **{purpose: INPUTS})


@pytest.mark.slow
@pytest.mark.parametrize("said", [False, True], ids=["as it takes them", "pixels"])
def test_an_array_is_trained_on_as_samples_are(said):
    model, given = network(said=said), PIXELS if said else INPUTS
    models = [
        sepzoo.compression.quantize_aware(model, data, epochs=1).keras_model
        for data in (given, Samples(given, None, origin="noise", seed=0))
    ]
    for one, other in zip(*(each.weights for each in models), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("said", [False, True], ids=["as it takes them", "pixels"])
def test_a_network_shrinks_on_an_array(said):
    model, given = network(said=said), PIXELS if said else INPUTS
    budget = sepzoo.shrinking.Budget(macs="60%")
    _, report = sepzoo.shrinking.shrink(model, budget=budget, samples=given, runtime="tflite:float32")
    assert report.measured["macs"] <= 0.6 * report.original["macs"]
    held = len(given) // 4  # which nothing was fitted to
    assert report.comparison.origin == f"{held} {'images' if said else 'samples'} of an array, seed 0"
