"""What an inspection says of each format, compared with what was written, and that it loads nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.artifact.inspection import Inspection, inspect
from sepzoo.artifact.inspection.formats import directory_bytes, format_of
from sepzoo.support.errors import SepzooError
from tests.artifact.inspection import files
from tests.command import run_command

ARRAYS = {"predictions/kernel": (3, 2), "predictions/bias": (2,)}


def test_a_keras_archive(tmp_path: Path) -> None:
    found = inspect(files.keras_file(tmp_path / "small.keras"))
    assert (found.format, found.keras_version) == (".keras", "3.15.1")
    assert [member.name for member in found.members] == ["metadata.json", "config.json", "model.weights.h5"]
    assert [(layer.name, layer.kind) for layer in found.layers] == [
        ("small", "Sequential"),
        ("input", "InputLayer"),
        ("predictions", "Dense"),
    ]
    assert {array.name: (array.shape, array.dtype, array.bytes) for array in found.arrays} == {
        "/layers/dense/vars/0": ((3, 2), "float32", 24),
        "/layers/dense/vars/1": ((2,), "float32", 8),
    }
    assert found.runs_code == found.reads_files == found.custom == ()


def test_files_that_keras_writes(small_files: Path) -> None:
    import keras

    path = small_files / "small.keras"
    found, model = inspect(path), keras.saving.load_model(path)
    assert found.keras_version == keras.__version__
    assert {layer.name for layer in found.layers} == {layer.name for layer in model.layers} | {model.name}
    assert sum(array.bytes for array in found.arrays) == sum(weight.numpy().nbytes for weight in model.weights)
    assert "sepzoo.json" in {member.name for member in found.members}


def test_a_whole_model_of_keras_2(tmp_path: Path) -> None:
    found = inspect(files.whole_h5(tmp_path / "small.h5"))
    assert (found.format, found.keras_version) == ("whole-model .h5", "2.4.0")
    assert [layer.kind for layer in found.layers][-1] == "Dense"
    assert {array.name: array.shape for array in found.arrays} == {
        f"/model_weights/predictions/{name}:0": shape for name, shape in ARRAYS.items()
    }


def test_weights_of_keras_2_and_3(tmp_path: Path) -> None:
    assert inspect(files.weights(tmp_path / "small.weights.h5")).format == ".weights.h5"
    with h5py.File(files.whole_h5(tmp_path / "small.h5"), "r+") as file:
        del file.attrs["model_config"]
    assert inspect(tmp_path / "small.h5").format == "weights .h5"


@pytest.mark.parametrize(("write", "suffix"), [(files.npz, ".npz"), (files.safetensors, ".safetensors")])
def test_arrays_alone(tmp_path: Path, write: object, suffix: str) -> None:
    found = inspect(write(tmp_path / f"small{suffix}"))  # type: ignore[operator]
    assert found.format == suffix
    assert {array.name: array.shape for array in found.arrays} == ARRAYS
    assert sum(array.bytes for array in found.arrays) == 32


def test_a_tflite_file(small_files: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    path = small_files / "small.tflite"
    found, interpreter = inspect(path), Interpreter(str(path))
    assert found.format == ".tflite"
    tensors = [each for each in interpreter.get_tensor_details() if each["name"]]
    names = {array.name: array for array in found.arrays}
    for details in tensors[: len(found.arrays)]:
        assert names[details["name"]].shape == tuple(details["shape"])
        assert names[details["name"]].dtype == np.dtype(details["dtype"]).name
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "SOFTMAX"} <= {layer.kind for layer in found.layers}
    assert "sepzoo.json" in {member.name for member in found.members}


@pytest.mark.parametrize(("kind", "what"), [(5, "text"), (13, "a resource of TensorFlow"), (14, "a list of")])
def test_a_tflite_file_of_more_than_numbers_is_no_damaged_one(
    small_files: Path, tmp_path: Path, kind: int, what: str
) -> None:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    content = (small_files / "small.tflite").read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    model.subgraphs[0].tensors[-1].type = kind
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "text.tflite"
    path.write_bytes(bytes(builder.Output()))
    with pytest.raises(SepzooError) as caught:
        inspect(path)
    assert str(caught.value).startswith(f"{path}: expected a file whose tensors are numbers. Received: its tensor ")
    assert what in str(caught.value)


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text("name: x")
    found = inspect(tmp_path / "run")
    assert (found.format, found.bytes, found.members[0].name) == ("run folder", 7, "recipe.yaml")
    assert inspect(tmp_path).format == "folder"


def varint(value: int) -> bytes:
    return bytes([value & 127 | 128]) + varint(value >> 7) if value > 127 else bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


@pytest.mark.parametrize("in_function", [False, True])
def test_a_saved_model(tmp_path: Path, in_function: bool) -> None:
    nodes = [field(1, b"node") + field(2, name) for name in (b"Conv2D", b"Conv2D", b"PyFunc", b"ReadFile")]
    graph = (
        field(2, field(1, b"".join(field(3, node) for node in nodes)))
        if in_function
        else b"".join(field(1, node) for node in nodes)
    )
    (tmp_path / "saved_model.pb").write_bytes(varint(8) + varint(1) + field(2, field(2, graph)))
    found = inspect(tmp_path)
    assert found.format == "SavedModel"
    assert next((layer.kind, layer.name) for layer in found.layers) == ("Conv2D", "2 times")
    assert found.runs_code == ("operator PyFunc",)
    assert found.reads_files == ("operator ReadFile",)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.onnx", b"\x08\x07" + field(2, b"pytorch") + field(7, b"\x0a\x00"), ".onnx"),
        ("a.npy", b"\x93NUMPY\x01\x00", ".npy"),
        ("a.keras", b"nothing", "unknown"),
        ("a.bin", bytes(2048) + b"\x89HDF\r\n\x1a\n", "HDF5"),
        ("a.empty", b"", "unknown"),
    ],
)
def test_the_format_is_told_by_the_content(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert format_of(tmp_path / name) == kind


@pytest.mark.slow
@pytest.mark.parametrize("members", [0, 3, 66_000])
@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_the_length_of_an_archive_s_directory(tmp_path: Path, members: int, comment: bytes) -> None:
    """Beyond 65,535 members it stands in another record."""
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(members):
            archive.writestr(f"{number}", b"")
        archive.comment = comment
    with zipfile.ZipFile(path) as archive:
        end = 22 + len(comment) + (76 if members > 65_535 else 0)
        expected = path.stat().st_size - archive.start_dir - end
    with path.open("rb") as file:
        assert directory_bytes(file) == expected


def test_a_directory_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = files.keras_file(tmp_path / "small.keras")
    content = path.read_bytes()
    place = content.rfind(b"PK\x05\x06") + 12
    path.write_bytes(content[:place] + (2**25).to_bytes(4, "little") + content[place + 4 :])
    with pytest.raises(ValueError, match="its directory has 33,554,432 bytes, of which at most 16,777,216 are allowed"):
        format_of(path)
    with pytest.raises(SepzooError, match=r"small\.keras: .*its directory has 33,554,432 bytes"):
        inspect(path)


@pytest.mark.parametrize("suffix", [".keras", ".npz"])
def test_an_archive_of_another_version_ends_in_one_line(tmp_path: Path, suffix: str) -> None:
    path = (files.keras_file if suffix == ".keras" else files.npz)(tmp_path / f"odd{suffix}")
    content = bytearray(path.read_bytes())
    content[content.rfind(b"PK\x01\x02") + 6] = 255
    path.write_bytes(content)
    with pytest.raises(SepzooError, match=r"zip file version 25\.5"):
        inspect(path)
    with pytest.raises(SepzooError, match=rf"odd\{suffix}"):
        inference.open(path)


def test_two_formats_at_once_are_refused(tmp_path: Path) -> None:
    path = files.whole_h5(tmp_path / "both.h5")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(SepzooError, match=r"both\.h5: .*it is HDF5 and zip at once"):
        inspect(path)


def test_what_it_says_goes_through_json_and_steers_no_terminal(tmp_path: Path) -> None:
    layer = json.loads(json.dumps(files.DENSE))
    layer["config"]["name"] = "a\x1b[2Jb"
    found = inspect(files.keras_file(tmp_path / "small.keras", files.sequential(layer)))
    assert Inspection.from_dict(json.loads(found.to_json())) == found
    assert "\x1b" not in str(found)
    assert r"a\x1b[2Jb" in str(found)


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    path = files.keras_file(tmp_path / "small.keras")
    shown = run_command("inspect", path)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["size", f"{path.stat().st_size:,}", "bytes"] in lines
    assert ["predictions", "Dense"] in lines
    assert ["runs", "code", "no"] in lines
    assert json.loads(run_command("inspect", path, "--json").stdout)["keras_version"] == "3.15.1"
    missing = run_command("inspect", tmp_path / "none")
    assert (missing.returncode, missing.stderr) == (2, f"error: {tmp_path / 'none'}: no such file.\n")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("pipes with a name are POSIX's")
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(SepzooError, match=r"pipe\.keras, which is a pipe or a device\.$"):
        inspect(tmp_path / "pipe.keras")


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    path = files.keras_file(tmp_path / "small.keras")
    code = (
        "import sys; from sepzoo.artifact.inspection import check, inspect; "
        f"inspect({str(path)!r}); check({str(path)!r}); "
        "print({'keras', 'tensorflow', 'numpy', 'h5py', 'ai_edge_litert'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
