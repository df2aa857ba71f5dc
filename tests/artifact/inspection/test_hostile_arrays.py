"""Hostile files of arrays, HDF5 and NumPy's: refused in one line that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sepzoo.inference.features import load_features
from sepzoo.support.errors import SepzooError
from tests.artifact.inspection import files
from tests.artifact.inspection.refusal import refused


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (lambda file: file.create_dataset("a", (2**40,), "f4"), "unpacks to 4,398,046,511,104 bytes"),
        (
            lambda file: file.create_dataset("a", (2**24,), "f8", compression="gzip", chunks=(2**20,)),
            "unpacks to 134,2",
        ),
        (lambda file: file.create_dataset("a", (1,), "f8", chunks=(2**27,), maxshape=(None,)), "unpacks to 1,073,741,"),
        (lambda file: file.create_dataset("a", (2,), h5py.vlen_dtype(np.int32)), "neither numbers nor text"),
        (lambda file: file.create_dataset("a", (2,), h5py.ref_dtype), "neither numbers nor text"),
        (lambda file: file.__setitem__("a", np.dtype("f4")), "neither a group nor a dataset"),
        (
            lambda file: file.__setitem__("a", h5py.SoftLink("/etc")),
            "holds all its values itself. Received: /a, a link",
        ),
    ],
)
def test_hdf5(tmp_path: Path, fill: Any, reason: str) -> None:
    refused(files.h5(tmp_path / "odd.h5", fill), reason)
    weights = files.archive(
        tmp_path / "odd.keras", {"config.json": b"{}", "a.weights.h5": (tmp_path / "odd.h5").read_bytes()}
    )
    refused(weights, reason)


def npy(shape: str, kind: str = "<f4", body: bytes = b"") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"a.npy": npy("(1000000000000,)", body=b"0000")}, "do not hold float32 of"),
        ({"a.npy": npy("(-1,)")}, "do not hold float32"),
        ({"a.npy": npy("(1,)", "|O", b"pickle")}, "'a', which is pickled"),
        ({"a.npy": npy("(" * 200 + ")" * 200)}, "damaged"),
        ({"a.npy": b"\x93NUMPY\x09\x00"}, "damaged"),
        ({"a.npy": npy("(1,)", body=b"0000"), "b.txt": b""}, "'b.txt' is no array"),
    ],
)
def test_npz(tmp_path: Path, members: dict[str, bytes], reason: str) -> None:
    refused(files.archive(tmp_path / "odd.npz", members), reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (npy("(1000000000000,)", body=b"0000"), "do not hold float32 of"),
        (npy("(1,)", "|O", b"pickle"), "'array', which is pickled"),
        (npy("(-1,)"), "do not hold float32"),
        (b"\x93NUMPY\x09\x00", "damaged"),
    ],
)
def test_npy(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "odd.npy").write_bytes(content)
    refused(tmp_path / "odd.npy", reason)
    with pytest.raises(SepzooError, match=reason):
        load_features(tmp_path / "odd.npy")


def test_numpy_weights_inside_a_keras_archive(tmp_path: Path) -> None:
    """Keras writes and reads them where h5py is missing; a bomb in an archive in an archive has two ratios."""
    inner = files.archive(tmp_path / "inner.npz", {"a.npy": npy("(40000000,)", body=bytes(160_000_000))}, compression=8)
    members = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.npz": inner.read_bytes()}
    refused(files.archive(tmp_path / "bomb.keras", members), r"unpacks to 160,\d+,\d+ bytes")
    pickled = files.archive(tmp_path / "inner.npz", {"a.npy": npy("(1,)", "|O", b"pickle")}).read_bytes()
    refused(files.archive(tmp_path / "odd.keras", members | {"model.weights.npz": pickled}), "'a', which is pickled")


def test_texts_that_are_longer_than_the_places_that_lead_to_them(tmp_path: Path) -> None:
    """One text of 60 KB that a thousand places lead to is read a thousand times."""
    path = files.h5(tmp_path / "texts.h5", lambda file: file.create_dataset("a", (1,), h5py.string_dtype()))
    with h5py.File(path, "r+") as file:
        file["a"][0] = "x" * 200_000
    content = path.read_bytes()
    with h5py.File(path, "r") as file:
        place = file["a"].id.get_offset()
    reference = content[place : place + 16]
    with h5py.File(path, "r+") as file:
        file.create_dataset("many", (4000,), h5py.string_dtype())[:] = [""] * 4000
        file.flush()
        many = file["many"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[many : many + 16 * 4000] = reference * 4000
    path.write_bytes(content)
    refused(path, r"unpacks to 80\d,\d+,\d+ bytes")
