"""Sound files of any form as clips of one rate and length; what can't be read is said in one line."""

from __future__ import annotations

import contextlib
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from sepzoo.data.clip import RATES, fitted_clip, is_sound, read_clip
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError
from tests.tones import tone

SOUND = Sound(samples=8_000)
CLIP = tone(440.0, seconds=0.5)


def test_a_clip_of_the_right_form_is_the_file_s_own_samples(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(CLIP.tobytes())
    clip = read_clip(tmp_path / "a.wav", SOUND)
    np.testing.assert_array_equal(clip.samples, CLIP)
    assert clip.change == ""


@pytest.mark.parametrize("form", ["uint8", "int32", "float32", "float64", "stereo", "24 bits"])
def test_every_form_of_wav_is_read(tmp_path, form):
    path, values = tmp_path / "a.wav", CLIP / 32_768
    if form == "24 bits":
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 3, 16_000, 0, "NONE", ""))
            file.writeframes(b"".join(struct.pack("<i", int(v) << 8)[:3] for v in CLIP))
    else:
        given = {
            "uint8": np.rint(values * 128 + 128).astype(np.uint8),
            "int32": CLIP.astype(np.int32) << 16,
            "float32": values.astype(np.float32),
            "float64": values,
            "stereo": np.stack([CLIP, CLIP], axis=1),
        }[form]
        wavfile.write(path, 16_000, given)
    clip = read_clip(path, SOUND)
    assert clip.change == ""
    np.testing.assert_allclose(clip.samples, CLIP, atol=130 if form == "uint8" else 0)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_another_rate_is_resampled_and_said(tmp_path, rate):
    """A tone keeps its pitch: the samples are those of the same tone at our rate, but for the filter's ends."""
    times = [np.arange(each // 2) / each for each in (rate, 16_000)]
    theirs, ours = (np.rint(9_000 * np.sin(2 * np.pi * 440 * each)).astype(np.int16) for each in times)
    wavfile.write(tmp_path / "a.wav", rate, theirs)
    clip = read_clip(tmp_path / "a.wav", SOUND)
    inner = slice(200, -200)
    np.testing.assert_allclose(clip.samples[inner], ours[inner], atol=60)
    assert clip.change.startswith(f"{rate:,} Hz resampled to 16,000 Hz")


def test_another_length_is_cut_or_padded_and_said():
    longer = fitted_clip(np.concatenate([CLIP, CLIP]), 16_000, SOUND)
    np.testing.assert_array_equal(longer.samples, CLIP)
    assert longer.change == "1 s cut to 0.5 s"
    shorter = fitted_clip(CLIP[:2_000], 16_000, SOUND)
    np.testing.assert_array_equal(shorter.samples, np.concatenate([CLIP[:2_000], np.zeros(6_000, np.int16)]))
    assert shorter.change == "0.125 s padded to 0.5 s"


@settings(max_examples=30)
@given(st.integers(*RATES), st.integers(1, 3_000), st.sampled_from(["int16", "uint8", "float32"]), st.integers(1, 2))
def test_whatever_comes_is_a_clip(rate, count, dtype, channels):
    samples = np.ones((count, channels), dtype)
    clip = fitted_clip(samples, rate, Sound(samples=900)).samples
    assert (clip.dtype, clip.shape) == (np.int16, (900,))


def write_bad(path: Path, what: str) -> None:
    wavfile.write(path, 16_000, CLIP)
    content = bytearray(path.read_bytes())
    if what == "cut":
        content = content[:2_000]
    elif what == "mp3":
        content = bytearray(b"ID3\x03" + bytes(400))
    elif what == "empty":
        content = bytearray()
    elif what == "head":
        content = content[:30]
    elif what == "silent":
        wavfile.write(path, 16_000, CLIP[:0])
        content = bytearray(path.read_bytes())
    elif what == "rate":
        content[24:28] = struct.pack("<I", 2_000_000)
        content[28:32] = struct.pack("<I", 4_000_000)
    elif what == "codec":
        content[20:22] = struct.pack("<H", 2)
    elif what == "nan":
        wavfile.write(path, 16_000, np.full(100, np.nan, "float32"))
        content = bytearray(path.read_bytes())
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("cut", r"a\.wav: expected a readable WAV file\. Received: damaged \(Reached EOF prematurely.*[^.]\)\.$"),
        (
            "mp3",
            r"a\.wav: expected a readable WAV file\. Received: no WAV file\. Convert it, for example with ffmpeg\.$",
        ),
        ("empty", r"a\.wav: expected a readable WAV file\. Received: an empty file\.$"),
        ("head", r"a\.wav: expected a readable WAV file\. Received: damaged \(.*\)\.$"),
        ("silent", r"a\.wav: expected sound\. Received: no sample\.$"),
        ("rate", r"a\.wav: expected a rate of 1,000 to 768,000 Hz\. Received: 2,000,000 Hz\. Resample it\.$"),
        ("codec", r"a\.wav: expected a readable WAV file\. Received: damaged \(.*\)\.$"),
        ("nan", r"a\.wav: expected sound of finite numbers\. Received: NaN or infinite ones\.$"),
    ],
)
def test_what_can_not_be_read_is_said_in_one_line(tmp_path, what, text):
    write_bad(tmp_path / "a.wav", what)
    with pytest.raises(SepzooError, match=text) as caught:
        read_clip(tmp_path / "a.wav", SOUND)
    assert "\n" not in str(caught.value)


@given(st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "a.wav"
    wavfile.write(path, 16_000, CLIP[:64])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 59))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    with contextlib.suppress(SepzooError):  # anything else is a fault
        assert read_clip(path, SOUND).samples.shape == (8_000,)


def test_sound_is_told_by_suffix_or_content(tmp_path):
    wavfile.write(tmp_path / "a.dat", 16_000, CLIP)
    (tmp_path / "b.dat").write_bytes(b"RIFF0000AVI ")
    assert [is_sound(tmp_path / name) for name in ("a.dat", "b.dat", "c.wav", "d.txt")] == [True, False, True, False]
