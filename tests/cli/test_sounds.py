"""Sound on the command line: clips are classified, predicted, evaluated and exported as pictures are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.io import wavfile

from sepzoo.artifact import model_file
from sepzoo.inference import open as open_file
from sepzoo.records.sound import Sound
from tests.tones import PITCHES, ear, tone, write_tones

SOUND = Sound(window=640, fft=1024)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained network, class folders of clips, and odd files."""
    folder = tmp_path_factory.mktemp("sounds")
    model_file.save(ear(), folder / "ear.keras")
    write_tones(folder / "tones", 2)
    wavfile.write(folder / "other.wav", 8_000, tone(300.0, rate=8_000, seconds=0.5))
    (folder / "bad.wav").write_bytes(b"RIFF0000WAVE")
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    """Probabilities of each clip, by the features of the record and Keras alone."""
    network = model_file.load(folder / "ear.keras")
    paths = sorted((folder / "tones").rglob("*.wav"))
    clips = np.stack([wavfile.read(path)[1] for path in paths])
    return paths, np.asarray(network(SOUND.normalize(clips)))


def test_classify_and_predict(command, folder, expected, tmp_path):
    paths, rows = expected
    found = command("classify", folder / "ear.keras", folder / "tones", "--json", "--top", "3")
    assert found.code == 0, found.err
    answers = json.loads(found.out)
    assert [answer["file"] for answer in answers] == [str(path) for path in paths]
    for answer, row in zip(answers, rows, strict=True):
        probabilities = {each["label"]: each["probability"] for each in answer["predictions"]}
        np.testing.assert_allclose([probabilities[name] for name in PITCHES], row, atol=1e-4)
    found = command("predict", folder / "ear.keras", paths[3], "--json")
    np.testing.assert_allclose(json.loads(found.out)["outputs"], rows[3:4], atol=1e-4)
    found = command("predict", folder / "ear.keras", folder / "tones", "--split", "train", "--out", tmp_path / "a.npz")
    assert found.code == 0, found.err
    with np.load(tmp_path / "a.npz") as file:
        np.testing.assert_allclose(file["outputs"], rows, atol=1e-4)


@pytest.mark.filterwarnings("default::sepzoo.data.ChangedClipWarning")
def test_clips_that_do_not_fit_are_said(command, folder):
    found = command("classify", folder / "ear.keras", folder / "other.wav", folder / "bad.wav", folder / "no.wav")
    assert found.code == 1
    assert "warning: " in found.err
    assert "other.wav: 8,000 Hz resampled to 16,000 Hz, 0.5 s padded to 1 s." in found.err
    assert "error: 2 of 3 clips cannot be read." in found.err
    assert "no.wav: no such file." in found.err
    assert "Traceback" not in found.err
    assert found.out.count("\n") == 4
    found = command("classify", folder / "ear.keras", folder / "bad.wav")
    assert (found.code, found.err.count("\n")) == (2, 1)


def test_evaluate(command, folder, expected):
    paths, rows = expected
    right = sum(list(PITCHES)[row.argmax()] == path.parent.name for path, row in zip(paths, rows, strict=True))
    found = command("evaluate", folder / "ear.keras", "--data", folder / "tones", "--split", "train", "--json")
    assert found.code == 0, found.err
    answer = json.loads(found.out)
    assert (answer["correct"], answer["count"], answer["what"], answer["matched"]) == (right, 6, "clips", "by name")


@pytest.mark.slow
def test_export_with_the_features_inside(command, folder, expected, tmp_path):
    paths, rows = expected
    arguments = ["--data", folder / "tones", "--out", tmp_path, "--embed-preprocessing"]
    found = command("export", folder / "ear.keras", "--to", "tflite:float32", *arguments)
    assert found.code == 0, found.err
    file = open_file(tmp_path / "ear_float32.tflite")
    assert (file.input_shape, file.sound.kind, file.labels) == ((16_000,), "waveform", tuple(PITCHES))
    np.testing.assert_allclose(file.predict([str(path) for path in paths]), rows, atol=1e-4)
    clips = np.stack([wavfile.read(path)[1] for path in paths])
    np.testing.assert_allclose(file.run((clips / 32_768).astype("float32")), rows, atol=1e-4)
    assert not {name for name in file.operators if "FLEX" in name.upper() or "CUSTOM" in name.upper()}
    found = command("export", folder / "ear.keras", "--to", "tflite:int8", *arguments)
    assert found.code == 2
    assert found.err.startswith("error: tflite:int8: expected a format with float weights, to make features of sound")


@pytest.mark.nightly
def test_export_takes_clips_to_calibrate_on(command, folder, expected, tmp_path):
    paths, rows = expected
    found = command(
        "export", folder / "ear.keras", "--to", "tflite:int8", "--data", folder / "tones", "--out", tmp_path
    )
    assert found.code == 0, found.err
    file = open_file(tmp_path / "ear_int8.tflite")
    assert file.sound == SOUND
    np.testing.assert_allclose(file.predict([str(path) for path in paths]), rows, atol=0.05)


def test_pictures_are_no_sound(command, folder, scans):
    found = command("classify", folder / "ear.keras", scans)
    assert found.code == 2
    assert "expected sounds in the folder. Received:" in found.err
    found = command("evaluate", folder / "ear.keras", "--data", "digits")
    assert found.code == 2
    assert "Received: digits, of pictures." in found.err
