"""Spectra of sound as layers: against NumPy with Keras's bands and SciPy's transform, saved, in TFLite, refused."""

from __future__ import annotations

import runpy
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.fft
from ai_edge_litert.interpreter import Interpreter

from sepzoo import SepzooError
from sepzoo.layers import MFCC, LogMelSpectrogram

PROGRAM = Path(__file__).parents[2] / "training" / "keyword_features.py"
CLIPS = np.random.default_rng(0).normal(scale=0.1, size=(3, 4_000)).astype("float32")
OTHER = {"rate": 8_000, "window": 250, "step": 100, "fft": 256, "bands": 20, "low": 50.0, "high": 3_500.0}


def log_mel(clips, *, rate, window, step, fft, bands, low, high, scaled):
    """Frame by frame, in float64."""
    clips = clips.astype("float64")
    if scaled:
        clips = clips / clips.max(axis=1, keepdims=True)
    hann = np.hanning(window + 1)[:-1]
    starts = range(0, clips.shape[1] - window + 1, step)
    spectrum = np.stack([np.abs(np.fft.rfft(clips[:, s : s + window] * hann, fft)) for s in starts], axis=1)
    filters = keras.layers.MelSpectrogram().linear_to_mel_weight_matrix(bands, fft // 2 + 1, rate, low, high)
    return np.log(spectrum @ np.asarray(filters, "float64") + 1e-6)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    "settings",
    [{"rate": 16_000, "window": 480, "step": 320, "fft": 512, "bands": 40, "low": 20.0, "high": 4_000.0}, OTHER],
)
def test_equal_to_numpy(settings, scaled):
    expected = log_mel(CLIPS, **settings, scaled=scaled)
    bands = np.asarray(LogMelSpectrogram(**settings, scaled=scaled)(CLIPS))
    np.testing.assert_allclose(bands, expected, atol=1e-4)
    found = np.asarray(MFCC(coefficients=7, **settings, scaled=scaled)(CLIPS))
    cosines = scipy.fft.dct(expected, axis=2)[..., :7] / np.sqrt(2 * settings["bands"])
    assert np.ptp(cosines) > 10
    np.testing.assert_allclose(found, cosines, atol=1e-4)
    layer = MFCC(coefficients=7, **settings)
    assert layer.compute_output_shape((None, 4_000)) == (None, *found.shape[1:])


def test_equal_to_the_features_of_the_keyword_spotter():
    clips = np.random.default_rng(1).normal(scale=0.01, size=(2, 16_000)).astype("float32")
    expected = runpy.run_path(str(PROGRAM))["features"](clips)
    np.testing.assert_allclose(MFCC(scaled=True)(clips), expected[..., 0], atol=1e-4)


def test_silence_is_finite_and_one_number_a_band():
    found = np.asarray(LogMelSpectrogram(scaled=True)(np.zeros((1, 800), "float32")))
    np.testing.assert_allclose(found, np.full((1, 2, 40), np.log(1e-6)), rtol=1e-6)


def test_the_file_of_a_model_has_its_settings(tmp_path):
    source = keras.Input((4_000,))
    model = keras.Model(source, MFCC(coefficients=5, scaled=True, **OTHER)(source))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(CLIPS), model(CLIPS))


def test_computes_in_float32_whatever_the_policy():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = LogMelSpectrogram(**OTHER)
    finally:
        keras.config.set_dtype_policy("float32")
    assert layer(CLIPS).dtype == "float32"


def test_tflite_has_operators_of_its_own_for_it():
    import tensorflow as tf

    layer = MFCC(scaled=True, **OTHER)
    wrapped = tf.Module()
    wrapped.of = tf.function(layer, input_signature=[tf.TensorSpec((1, 4_000))])
    concrete = wrapped.of.get_concrete_function()
    content = tf.lite.TFLiteConverter.from_concrete_functions([concrete], wrapped).convert()
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], CLIPS[:1])
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, layer(CLIPS[:1]), atol=1e-4)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: LogMelSpectrogram(window=600), r"a window of at most fft samples\. Received: window=600, fft=512"),
        (lambda: LogMelSpectrogram(high=9_000.0), r"0 <= low < high <= 8000 Hz\. Received: low=20, high=9000"),
        (lambda: LogMelSpectrogram(step=0), r"expected step as a whole number from 1\. Received: step=0"),
        (lambda: LogMelSpectrogram(bands=200), r"hold a frequency of the transform each\. Received: bands=200"),
        (lambda: MFCC(coefficients=41), r"as many coefficients as bands\. Received: coefficients=41, bands=40"),
        (lambda: MFCC()(np.zeros((1, 479))), r"\(n, samples\) of at least 480 samples\. Received: \(1, 479\)"),
        (lambda: MFCC()(np.zeros((1, 480, 1))), r"\(n, samples\) of at least 480 samples\. Received: \(1, 480, 1\)"),
    ],
)
def test_what_can_not_be_is_refused(make, text):
    with pytest.raises(SepzooError, match=text):
        make()
