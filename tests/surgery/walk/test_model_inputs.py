"""Samples as a model takes them: clips of sound become its features."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.artifact.model_file import attach
from sepzoo.data import Samples
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.sound import Sound
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
