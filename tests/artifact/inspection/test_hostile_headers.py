"""Headers that lie: of safetensors, protocol buffers, archives, HDF5 and configurations; each is named in one line."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sepzoo.artifact.inspection import check, inspect
from sepzoo.support.errors import SepzooError
from tests.artifact.inspection import files
from tests.artifact.inspection.refusal import refused


def entry(**fields: Any) -> dict[str, Any]:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | fields}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (entry(dtype="F99"), "'a' is of type F99, of which only "),
        (entry(dtype=["F32"]), r"'a' is of type \['F32'\]"),
        (entry(data_offsets=[0]), "it describes 'a' otherwise than by dtype, shape and data_offsets"),
        ({"a": [1]}, "it describes 'a' otherwise than by"),
        (entry(shape=[3]), r"'a' has bytes 0 to 8, which do not hold F32 of shape \[3\]"),
        (entry(shape=[-2]), r"'a' has bytes 0 to 8, which do not hold F32 of shape \[-2\]"),
        (entry(shape=[True, 2]), r"which do not hold F32 of shape \[True, 2\]"),
        (entry(data_offsets=[8, 16]), "'a' has bytes 8 to 16, which do not hold F32"),
        (entry(shape=[1], data_offsets=[4, 8]), "its arrays overlap, or leave bytes between or behind them"),
        (entry() | {"b": entry()["a"]}, "its arrays overlap"),
    ],
)
def test_safetensors(tmp_path: Path, header: Any, reason: str) -> None:
    text = json.dumps(header).encode()
    path = tmp_path / "odd.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    refused(path, reason)


def test_a_safetensors_header_that_json_does_not_end(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(struct.pack("<Q", 4) + b'{"a"' + bytes(8))
    refused(path, "its header is no JSON that is read")


@pytest.mark.parametrize(
    "content",
    [
        b"\x0a\x05ab",  # a text of five bytes, of which two are there
        b"\x0b\x01a",  # a kind that no message has any more
        b"\x02\x01a",  # field 0
        b"\x0a" + b"\xff" * 10,  # a number without an end
        b"\x08\xff",  # cut off within a number
        b"\x09abc",  # eight bytes, of which three are there
    ],
)
def test_protocol_buffers(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(SepzooError, match=r"Received: a damaged one \(its protocol buffer is damaged at byte \d+\)"):
        check(tmp_path)


def test_a_pipe_in_a_saved_model(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    os.mkfifo(tmp_path / "variables")
    with pytest.raises(SepzooError, match="its file 'variables' is no file of bytes"):
        check(tmp_path)


def test_members_that_lie_on_one_another(tmp_path: Path) -> None:
    """Together they are packed in more bytes than the file has: read one by one, the same bytes would count twice."""
    path = files.archive(tmp_path / "odd.npz", dict.fromkeys(("a.npy", "b.npy", "c.npy"), b"\x00" * 300))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
    for _ in range(3):
        struct.pack_into("<II", content, start + 20, 600, 600)  # packed and unpacked size in the directory
        start += 46 + struct.unpack_from("<H", content, start + 28)[0]
    path.write_bytes(content)
    refused(path, "its members overlap")


def test_an_archive_behind_something_else(tmp_path: Path) -> None:
    path = files.npz(tmp_path / "odd.npz")
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    refused(path, "it is an archive with something else before it")


@pytest.mark.parametrize("values", [h5py.Empty("f4"), np.float32(3), "a text alone", b"bytes"])
def test_values_without_axes_are_read_whole(tmp_path: Path, values: Any) -> None:
    def fill(file: h5py.File) -> None:
        file["a"] = values

    path = files.h5(tmp_path / "small.h5", fill)
    check(path)
    (found,) = inspect(path).arrays
    assert (found.name, found.shape) == ("/a", ())
    assert found.bytes == {float: 0, np.float32: 4}.get(type(values), found.bytes)


def test_an_hdf5_filter_that_is_not_read(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file.create_dataset("a", data=np.arange(100), chunks=(100,), scaleoffset=8)

    refused(files.h5(tmp_path / "odd.h5", fill), r"/a is packed by filter 6; ")


def test_a_layer_that_keeps_a_state_for_each_of_a_huge_batch(tmp_path: Path) -> None:
    config = files.sequential({**files.DENSE, "class_name": "LSTM", "config": {"name": "memory", "stateful": True}})
    config["config"]["layers"][0] = json.loads(json.dumps(files.INPUT))
    config["config"]["layers"][0]["config"]["batch_shape"] = [60_000_000, 3]
    refused(files.keras_file(tmp_path / "odd.keras", config), "its layer 'memory' may keep 1,440,000,000 bytes")


def test_a_member_beyond_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "odd.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("config.json", b"[" + b" " * (64 * 2**20) + b"]")
    refused(path, r"its member 'config\.json' has 67,108,866 bytes, of which at most 67,108,864 are allowed")
