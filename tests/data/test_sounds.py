"""Labelled clips: folders of WAV files and TFDS sets, in memory or from disk, changed, damaged, refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import wavfile

from sepzoo.data import ChangedClipWarning, SkippedImageWarning, SoundSource, open_sounds, split_names
from sepzoo.data.sounds import open_sound_folder
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError
from tests.feature_sets import write_set
from tests.tones import PITCHES, tone, write_tones

SOUND = Sound(samples=4_000)


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tones")
    for seed, (split, count) in enumerate({"train": 4, "validation": 2, "test": 1}.items()):
        write_tones(folder / split, count, seed=seed, seconds=0.25)
    return folder


def test_class_folders_become_a_data_set(divided):
    assert split_names(divided) == ("train", "validation", "test")
    source = open_sounds(divided, split="train", sound=SOUND)
    assert (len(source), source.class_names, source.what) == (12, tuple(PITCHES), "clips")
    assert source.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    clips = source.images(np.arange(12))
    assert (clips.dtype, clips.shape) == (np.int16, (12, 4_000))
    for clip, label in zip(clips, source.labels, strict=True):
        loudest = np.abs(np.fft.rfft(clip)).argmax() * 16_000 / 4_000
        assert abs(loudest - list(PITCHES.values())[label]) < 5
    assert len(open_sounds(divided, split="train[:50%]", sound=SOUND)) == 6


def test_what_is_too_much_for_memory_is_read_when_it_is_asked_for(divided):
    kept = open_sound_folder(divided, sound=SOUND)
    read = open_sound_folder(divided, sound=SOUND, memory_budget=1)
    assert isinstance(kept.clips, np.ndarray)
    assert not isinstance(read.clips, np.ndarray)
    for ours, theirs in zip(kept.shuffled(5, seed=1, epoch=2), read.shuffled(5, seed=1, epoch=2), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_other_rates_and_lengths_are_counted_and_the_first_is_named(tmp_path):
    folder = write_tones(tmp_path / "tones", 2, seconds=0.25)
    wavfile.write(folder / "low" / "0.wav", 8_000, tone(300.0, rate=8_000, seconds=0.25))
    wavfile.write(folder / "low" / "1.wav", 16_000, tone(300.0, seconds=0.5))
    text = r"tones: 2 of 6 clips were changed, first .*low/0\.wav: 8,000 Hz resampled to 16,000 Hz\.$"
    with pytest.warns(ChangedClipWarning, match=text):
        source = open_sounds(folder, sound=SOUND)
    assert len(source) == 6


def test_what_can_not_be_read_is_left_out_and_said(tmp_path):
    folder = write_tones(tmp_path / "tones", 2, seconds=0.25)
    (folder / "low" / "1.wav").write_bytes(b"RIFF")
    (folder / "high" / "notes.txt").write_text("C sharp")
    with pytest.warns(SkippedImageWarning) as caught:
        source = open_sounds(folder, sound=SOUND)
    assert len(source) == 5
    texts = [str(each.message) for each in caught]
    assert any("notes.txt" in text and "are no sounds of a class" in text for text in texts)
    assert any(text.endswith("no WAV file. Convert it, for example with ffmpeg. It is left out.") for text in texts)
    assert any("1 of 6 clips cannot be read and were left out" in text for text in texts)
    (folder / "low" / "0.wav").write_bytes(b"")
    with pytest.warns(SkippedImageWarning), pytest.raises(SepzooError, match=r"every class\. Received: class 'low'"):
        open_sounds(folder, sound=SOUND)


def test_a_folder_without_sounds_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
    with pytest.raises(SepzooError, match=r"expected sounds \(WAV\) of every class\. Received: .*a with none"):
        open_sounds(tmp_path / "set", sound=SOUND)
    for pictures in ("digits", "photos.csv"):
        with pytest.raises(SepzooError, match=rf"a TFDS name\. Received: {pictures}, of pictures"):
            open_sounds(pictures, sound=SOUND)


@pytest.mark.slow
def test_tfds_sets_of_sound(tmp_path):
    import tensorflow_datasets as tfds

    features = {
        "audio": tfds.features.Audio(sample_rate=8_000),
        "label": tfds.features.ClassLabel(names=list(PITCHES)),
    }

    def example(random, number, split):
        seconds = 0.25 if number % 2 else 0.125
        return {"audio": tone(300.0, seed=number, rate=8_000, seconds=seconds).astype("int64"), "label": number % 3}

    write_set(tmp_path, "beeps", features, example, sizes={"train": 5, "test": 2})
    vectors = {"x": tfds.features.Tensor(shape=(1,), dtype=np.float32)}
    write_set(tmp_path, "plain", vectors, lambda *_: {"x": np.zeros(1, np.float32)}, sizes={"train": 2})
    at_8_khz = Sound(rate=8_000, samples=2_000, high=4_000.0)
    with pytest.warns(
        ChangedClipWarning, match=r"^beeps train: 3 of 5 clips were changed, first clip 0: 0\.125 s padded"
    ):
        source = open_sounds("tfds:beeps", sound=at_8_khz, data_dir=str(tmp_path))
    assert (source.name, len(source), source.class_names) == ("beeps train", 5, tuple(PITCHES))
    numbers = {tone(300.0, seed=number, rate=8_000, seconds=0.125).tobytes(): number % 3 for number in range(0, 5, 2)}
    for clip, label in zip(source.images(np.arange(5)), source.labels, strict=True):
        if not clip[1_000:].any():
            assert numbers[clip[:1_000].tobytes()] == label
    with pytest.raises(SepzooError, match=r"with sound and a class label\. Received: plain with x\."):
        open_sounds("plain", sound=at_8_khz, data_dir=str(tmp_path))


def test_arrays_of_clips_are_a_data_set_too():
    source = SoundSource(np.zeros((2, 4_000), "int16"), np.array([1, 0]), ("a", "b"), name="arrays", sound=SOUND)
    assert [labels.tolist() for _, labels in source.batches(1)] == [[1], [0]]
