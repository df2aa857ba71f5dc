"""Samples as a model takes them: clips of sound become its features, pixels are normalized, all else stays."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.artifact.model_file import attach
from sepzoo.data import Samples
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.walk.model_inputs import model_inputs


def test_clips_become_what_the_model_takes():
    sound = Sound(samples=2_000)
    model = keras.Sequential([keras.Input(sound.shape), keras.layers.Flatten(), keras.layers.Dense(2)])
    attach(model, Metadata("ear", preprocessing=None, features=Features(sound.shape, sound=sound)))
    clips = np.random.default_rng(0).integers(-9_000, 9_000, (4, 2_000)).astype("int16")
    [found] = model_inputs(model, Samples(clips, None, origin="clips", seed=0)).arrays
    np.testing.assert_array_equal(found, sound.normalize(clips))
    [taken] = model_inputs(model, found).arrays
    np.testing.assert_array_equal(taken, found)


def of_pictures(said: Preprocessing | None) -> keras.Model:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    if said is not None:
        attach(model, Metadata("eye", preprocessing=said))
    return model


def test_pixels_in_an_array_are_normalized_where_the_model_says_how():
    said = Preprocessing(mean=(100.0, 110.0, 120.0), std=(50.0, 60.0, 70.0))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
    wanted = (pixels - np.array([100.0, 110.0, 120.0])) / [50.0, 60.0, 70.0]
    for given in (pixels, Samples(pixels, None, origin="pixels", seed=0)):
        [found] = model_inputs(of_pictures(said), given).arrays
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    [taken] = model_inputs(of_pictures(said), wanted).arrays  # no pixels: as the model takes them
    np.testing.assert_allclose(taken, wanted, atol=1e-6)
    [raw] = model_inputs(of_pictures(None), pixels).arrays  # a model that normalizes by itself
    np.testing.assert_array_equal(raw, pixels)


@pytest.mark.parametrize("given", [iter([np.zeros((2, 8, 8, 3))]), None], ids=["iterator", "nothing"])
def test_what_is_no_array_is_named(given):
    kind = type(given).__name__
    with pytest.raises(SepzooError, match=rf"as an array\. Received: {kind}\. Take a data set's arrays: numpy\."):
        model_inputs(of_pictures(None), given)
