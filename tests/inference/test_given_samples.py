"""Samples, or mere arrays: what a network is calibrated, trained and checked on."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.artifact.model_file import attach
from sepzoo.data import Samples
from sepzoo.inference.given_samples import as_samples
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("uint8")


def of_pictures() -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])


def test_samples_stay_what_they_are():
    samples = Samples(PIXELS, np.array([0, 1, 0, 1]), origin="photographs", seed=3)
    assert as_samples(from_model(of_pictures()), samples, "calibrate") is samples


@pytest.mark.parametrize("kind", ["uint8", "int64", "float16", "float64"])
def test_an_array_is_as_the_model_takes_it(kind):
    found = as_samples(from_model(of_pictures()), PIXELS.astype(kind), "calibrate")
    assert found.labels is None
    assert found.origin == "an array"
    assert found.images.dtype == "float32"
    np.testing.assert_array_equal(found.images, PIXELS)


def test_pixels_stay_pixels_where_the_model_says_how_they_become_its_input():
    said = from_model(of_pictures(), preprocessing=Preprocessing())
    assert as_samples(said, PIXELS, "calibrate").images.dtype == "uint8"
    assert as_samples(said, keras.ops.convert_to_tensor(PIXELS), "calibrate").images.dtype == "uint8"


def test_clips_stay_clips():
    sound = Sound(samples=2_000)
    model = keras.Sequential([keras.Input(sound.shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    attach(model, Metadata("ear", preprocessing=None, features=Features(sound.shape, sound=sound)))
    clips = np.zeros((4, 2_000), "int16")
    np.testing.assert_array_equal(as_samples(from_model(model), clips, "calibrate").images, clips)


def test_several_inputs_are_given_by_name():
    image, age = keras.Input((8, 8, 3), name="image"), keras.Input((1,), name="age")
    together = keras.layers.Concatenate()([keras.layers.Flatten()(image), age])
    model = keras.Model([image, age], keras.layers.Dense(2)(together))
    given = {"image": PIXELS, "age": np.arange(4)}
    plain = as_samples(from_model(model), given, "calibrate")
    assert {name: each.shape for name, each in plain.images.items()} == {"image": (4, 8, 8, 3), "age": (4, 1)}
    said = from_model(model, preprocessing={"image": Preprocessing()})
    assert as_samples(said, given, "calibrate").images["image"].dtype == "uint8"
    with pytest.raises(SepzooError, match=r"expected samples of each input of '\w+', image, age\. Received: image\."):
        as_samples(from_model(model), {"image": PIXELS}, "calibrate")


def test_what_is_no_sample_is_refused():
    plain, said = from_model(of_pictures()), from_model(of_pictures(), preprocessing=Preprocessing())
    with pytest.raises(SepzooError, match=r"^expected samples of shape \(n, 8, 8, 3\) for '\w+', at least one\."):
        as_samples(plain, PIXELS[0], "calibrate")
    with pytest.raises(SepzooError, match=r"^expected at least one sample to calibrate on\."):
        as_samples(said, PIXELS[:0], "calibrate")
    for classifier in (plain, said):
        with pytest.raises(SepzooError, match=r"as an array\. Received: NoneType\."):
            as_samples(classifier, None, "calibrate")
    with pytest.raises(SepzooError, match=r"^an array: expected finite samples to calibrate on\."):
        as_samples(said, np.full((2, 8, 8, 3), np.nan), "calibrate")
