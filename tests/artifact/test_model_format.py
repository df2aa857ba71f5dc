"""A model file is known by its content; what is none is named, with what reads it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

import sepzoo
from sepzoo import inference
from sepzoo.artifact import model_file
from sepzoo.artifact.inspection import one_child
from sepzoo.records.metadata import Metadata
from sepzoo.support.errors import SepzooError
from tests.artifact.inspection.files import keras_file, npz, safetensors, whole_h5
from tests.command import run_command


@pytest.fixture(scope="module", autouse=True)
def _one_child() -> Iterator[None]:
    with one_child():
        yield


@pytest.mark.parametrize("name", ["a.h5", "a.hdf5", "a.H5", "a", "a.keras.bak", "a.model"])
def test_hdf5_under_any_name(tmp_path: Path, name: str) -> None:
    path = whole_h5(tmp_path / name)
    assert [each.shape for each in model_file.load(path).weights] == [(3, 2), (2,)]


@pytest.mark.parametrize("name", ["a.keras", "a.KERAS", "a", "a.zip"])
def test_archives_under_any_name(tmp_path: Path, name: str) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model_file.save(model_file.attach(model, Metadata("small", labels=("no", "yes"))), tmp_path / "b.keras")
    (tmp_path / "b.keras").rename(tmp_path / name)
    again = model_file.load(tmp_path / name)
    np.testing.assert_array_equal(again(np.ones((1, 3))), model(np.ones((1, 3))))
    assert model_file.metadata_of(again).labels == ("no", "yes")


def pytorch(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02.")
    return path


def run_folder(path: Path) -> Path:
    path.mkdir()
    keras_file(path / "best.keras")
    return path


def saved_model(path: Path) -> Path:
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"\x08\x01")
    return path


def written(content: bytes):
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (written(b""), "an empty file. Save the network again"),
        (written(b"\x80\x04."), "a pickle, which would run code and is never read"),
        (written(b"GIF89a, and more"), "a file of another kind"),
        (written(bytes([28, 0, 0, 0]) + b"TFL3"), "a TFLite file. `sepzoo classify`, `sepzoo evaluate`"),
        (written(b"\x08\x07\x12\x00\x3a\x02\x0a\x00"), "an ONNX file. `sepzoo classify`"),
        (lambda path: npz(path.with_suffix(".npz")), "arrays alone. Build the network"),
        (safetensors, "arrays alone. Build the network"),
        (pytorch, "an archive without the config.json of a Keras model"),
        (lambda path: path.mkdir() or path, "a folder without a model"),
        (run_folder, "the folder of a run. Name its network: "),
        (saved_model, "a SavedModel. `sepzoo classify`, `sepzoo evaluate`"),
    ],
)
def test_what_is_no_keras_model_is_named(tmp_path: Path, write, reason: str) -> None:
    path = write(tmp_path / "thing")
    with pytest.raises(SepzooError) as error:
        model_file.load(path)
    assert str(error.value).startswith(f"{path}: expected a file of a Keras model. Received: {reason}")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are POSIX's")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(SepzooError, match="a pipe or a device"):
        model_file.load(tmp_path / "pipe.h5")


@pytest.mark.slow
def test_commands_take_any_name(tmp_path: Path) -> None:
    whole_h5(tmp_path / "net.HDF5")
    shown = run_command("profile", tmp_path / "net.HDF5")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[1].split()[:2] == ["small", "3"]


def test_inference_opens_by_content(tmp_path: Path, small_files: Path) -> None:
    for name in ("small.keras", "small.tflite"):
        copy = tmp_path / name.replace(".", "_")
        copy.write_bytes((small_files / name).read_bytes())
        pixels = np.zeros((1, 32, 32, 1), "uint8")
        expected = inference.open(small_files / name).predict(pixels)
        np.testing.assert_array_equal(inference.open(copy).predict(pixels), expected)


def test_keras_s_own_save_keeps_what_a_network_carries(tmp_path: Path) -> None:
    model = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
    carried = Metadata("mine", labels=("no", "yes"))
    model_file.attach(model, carried)
    model.save(tmp_path / "own.keras")
    assert model_file.read_metadata(tmp_path / "own.keras") == carried
    assert model_file.metadata_of(model_file.load(tmp_path / "own.keras")) == carried
    assert keras.saving.load_model(tmp_path / "own.keras").count_params() == model.count_params()
