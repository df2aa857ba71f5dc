"""How sound becomes features: against the program of MLPerf Tiny's features and the layers, kept in files, refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sepzoo import SepzooError
from sepzoo.catalog.index import index
from sepzoo.catalog.registry import find
from sepzoo.layers import MFCC, LogMelSpectrogram
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.sound import Sound

CLIPS = np.random.default_rng(0).integers(-9_000, 9_000, (3, 16_000)).astype("int16")


@pytest.mark.parametrize("kind", ["mfcc", "log_mel"])
@pytest.mark.parametrize("scaled", [False, True])
def test_equal_to_the_layers(kind, scaled):
    sound = Sound(kind=kind, rate=8_000, window=200, step=80, fft=256, bands=20, high=3_000.0, scaled=scaled)
    fields = {
        name: getattr(sound, name) for name in ("rate", "window", "step", "fft", "bands", "low", "high", "scaled")
    }
    layer = MFCC(coefficients=10, **fields) if kind == "mfcc" else LogMelSpectrogram(**fields)
    expected = np.asarray(layer((CLIPS / 32_768).astype("float32")))[..., None]
    np.testing.assert_allclose(sound.normalize(CLIPS), expected, atol=1e-4)
    assert sound.shape == expected.shape[1:]
    assert dataclasses.replace(sound, channel=False).shape == expected.shape[1:-1]


def test_clips_of_floats_are_those_of_16_bits_by_32768():
    sound = Sound(scaled=False)
    np.testing.assert_allclose(sound.normalize(CLIPS / 32_768), sound.normalize(CLIPS), atol=1e-6)
    waveform = Sound(kind="waveform")
    np.testing.assert_allclose(waveform.normalize(CLIPS), (CLIPS / 32_768).astype("float32"))


def test_networks_of_sound_say_what_fits_their_input():
    specs = [find(name)[1] for name, listed in index().items() if listed.input == "audio"]
    assert len(specs) > 5
    for spec in specs:
        assert spec.sound is None or spec.sound.shape == spec.input_shape, spec.name
    assert {"ds_cnn_s", "mlperf_tiny_keywords", "matchboxnet_3x1x64", "tc_resnet8"} <= {
        spec.name for spec in specs if spec.sound
    }


def test_many_clips_are_as_each_by_itself():
    sound = Sound(samples=960)
    clips = np.random.default_rng(1).integers(-900, 900, (600, 960)).astype("int16")
    whole = sound.normalize(clips)
    for number in (0, 255, 256, 599):
        np.testing.assert_array_equal(whole[number : number + 1], sound.normalize(clips[number : number + 1]))


def test_a_file_carries_it():
    metadata = Metadata("net", preprocessing=None, features=Features((98, 64), sound=Sound(
        kind="log_mel", window=400, step=160, bands=64, high=8_000.0, scaled=False, channel=False)))  # fmt: skip
    assert Metadata.from_json(metadata.to_json()) == metadata
    assert "sound" not in Metadata("net", preprocessing=None, features=Features((3,))).to_json()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"rate": 0}, r"sound: expected rate as a whole number from 1\. Received: rate=0"),
        ({"kind": "mel"}, r"unknown kind of sound: 'mel'"),
        ({"window": 513}, r"a window of at most fft and of at most all samples\. Received: window=513, fft=512"),
        ({"samples": 400}, r"Received: window=480, fft=512, samples=400"),
        ({"rate": 4_000}, r"low < high <= 2000, half the rate\. Received: low=20, high=4000"),
        ({"coefficients": 41}, r"at most as many coefficients as bands\. Received: coefficients=41, bands=40"),
    ],
)
def test_what_contradicts_itself_is_refused(fields, text):
    with pytest.raises(SepzooError, match=text):
        Sound(**fields)


def test_clips_of_another_length_and_features_of_another_shape_are_refused():
    with pytest.raises(SepzooError, match=r"\(n, 16000\), 1 s at 16,000 Hz.*Received: int16 of shape \(1, 8000\)"):
        Sound().normalize(np.zeros((1, 8_000), "int16"))
    with pytest.raises(SepzooError, match=r"shape \(49, 12, 1\)\. Received: \(49, 10, 1\)"):
        Features((49, 12, 1), sound=Sound())
