"""The features of spoken keywords against TensorFlow's own signal library, and MLPerf Tiny's model on them."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from sepzoo.records.sound import Sound

SCRIPT = Path(__file__).parents[2] / "training" / "keyword_features.py"


@pytest.fixture(scope="module")
def program() -> dict:
    """What the script defines."""
    return runpy.run_path(str(SCRIPT))


def by_tensorflow(clips: np.ndarray) -> np.ndarray:
    """Return the features as MLPerf Tiny's training program computes them."""
    import tensorflow as tf

    sound = tf.constant(clips / clips.max(axis=1, keepdims=True), tf.float32)
    spectrum = tf.abs(tf.signal.stft(sound, 480, 320, window_fn=tf.signal.hann_window))
    filters = tf.signal.linear_to_mel_weight_matrix(40, spectrum.shape[-1], 16_000, 20.0, 4_000.0)
    log_mel = tf.math.log(tf.tensordot(spectrum, filters, 1) + 1e-6)
    return tf.signal.mfccs_from_log_mel_spectrograms(log_mel)[..., :10, None].numpy()


@pytest.mark.slow
def test_equal_to_tensorflow(program: dict) -> None:
    random = np.random.default_rng(0)
    clips = random.integers(-20_000, 20_000, (4, 16_000)) * random.uniform(0.01, 1.0, (4, 1))
    found = program["features"](clips)
    assert found.shape == (4, 49, 10, 1)
    np.testing.assert_allclose(found, by_tensorflow(clips), atol=2e-3)


def test_a_short_clip_ends_in_silence(program: dict) -> None:
    clip = np.random.default_rng(0).normal(size=(1, 9_000))
    padded = np.pad(clip, ((0, 0), (0, 7_000)))
    np.testing.assert_array_equal(program["features"](clip), program["features"](padded))
    assert np.isfinite(program["features"](np.zeros((1, 16_000)))).all()


def test_equal_to_those_that_a_record_of_sound_says(program: dict) -> None:
    clips = np.random.default_rng(0).integers(-9_000, 9_000, (3, 16_000)).astype("int16")
    np.testing.assert_allclose(Sound().normalize(clips), program["features"](clips), atol=1e-4)
