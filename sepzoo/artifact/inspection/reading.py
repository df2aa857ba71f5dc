"""From a path to an inspection, in this process; `checking` runs it in another."""

from __future__ import annotations

import dataclasses
import functools
import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

from sepzoo.artifact.browser_page import model_in
from sepzoo.artifact.inspection.archive import open_archive, open_member, read_member
from sepzoo.artifact.inspection.formats import OPENVINO, STABLEHLO, format_of
from sepzoo.artifact.inspection.records import Array, Inspection, Member
from sepzoo.artifact.inspection.saved_model import GRAPH, folder_members, read_saved_model
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.json_text import parse_json

RECIPE = "recipe.yaml"
_WEIGHTS, _NUMPY_WEIGHTS = ".weights.h5", ".weights.npz"


def read(path: Path, *, values: bool = False) -> Inspection:
    """Return what is in a file or a folder.

    Args:
        path: of it.
        values: whether to read every value of an HDF5 file too, when its sizes are known to be allowed.

    Raises:
        Exception: almost any; a damaged file makes its parser raise what it likes.
    """
    if path.is_dir():
        return _read_folder(path)
    kind = format_of(path)
    found = Inspection(path=str(path), format=kind, bytes=path.stat().st_size)
    if kind in _WITH_HDF5:
        return _WITH_HDF5[kind](path, found, values)
    return _READERS[kind](path, found) if kind in _READERS else found


def _read_folder(path: Path) -> Inspection:
    if (path / GRAPH).is_file():
        return read_saved_model(path)
    if (path / OPENVINO).is_file():
        from sepzoo.artifact.inspection.openvino import read_openvino

        return dataclasses.replace(read_openvino(path / OPENVINO, folder_members(path)), path=str(path))
    if (path / STABLEHLO).is_file():
        from sepzoo.artifact.inspection.stablehlo import read_stablehlo

        return read_stablehlo(path, folder_members(path))
    members = folder_members(path)
    kind = "run folder" if (path / RECIPE).is_file() else "folder"
    return Inspection(path=str(path), format=kind, bytes=sum(each.bytes for each in members), members=members)


def _read_keras(path: Path, found: Inspection, values: bool) -> Inspection:
    from sepzoo.artifact.inspection.configuration import search
    from sepzoo.artifact.inspection.layer_sizes import check_layer_sizes

    with path.open("rb") as file, open_archive(file, found.bytes) as archive:
        config = parse_json(read_member(archive, "config.json", BOUNDS.json))
        content = search(config)
        names = archive.namelist()
        about = parse_json(read_member(archive, "metadata.json", BOUNDS.json)) if "metadata.json" in names else {}
        found = dataclasses.replace(
            found,
            keras_version=str(about.get("keras_version")) if isinstance(about, dict) else None,
            members=tuple(Member(member.filename, member.file_size) for member in archive.infolist()),
            layers=tuple(content.layers),
            runs_code=tuple(content.runs_code),
            reads_files=tuple(content.reads_files),
            custom=tuple(content.custom),
        )
        for name in names:
            member, size = functools.partial(open_member, archive, file, name), archive.getinfo(name).file_size
            if name.endswith(_WEIGHTS):
                found = _with_hdf5(found, member(), size, values=values)
            elif name.endswith(_NUMPY_WEIGHTS):
                arrays, pickled = _npz(member(), size)
                found = dataclasses.replace(
                    found, arrays=(*found.arrays, *arrays), runs_code=(*found.runs_code, *pickled)
                )
        check_layer_sizes(config, found.arrays)
        return found


def _read_hdf5(path: Path, found: Inspection, values: bool) -> Inspection:
    return _with_hdf5(found, path, found.bytes, values=values)


def _with_hdf5(found: Inspection, file: Path | IO[bytes], size: int, *, values: bool) -> Inspection:
    import h5py

    from sepzoo.artifact.inspection.hdf5 import read_hdf5

    with h5py.File(file, "r") as opened:
        content = read_hdf5(opened, size, values=values)
    kind = found.format
    if kind == "HDF5":
        kind = "whole-model .h5" if content.is_model else "weights .h5" if content.is_legacy else ".weights.h5"
    return dataclasses.replace(
        found,
        format=kind,
        keras_version=found.keras_version or content.keras_version,
        layers=(*found.layers, *content.findings.layers),
        arrays=(*found.arrays, *content.arrays),
        runs_code=(*found.runs_code, *content.findings.runs_code),
        reads_files=(*found.reads_files, *content.reads_files, *content.findings.reads_files),
        custom=(*found.custom, *content.findings.custom),
    )


def _read_zip(path: Path, found: Inspection) -> Inspection:
    with path.open("rb") as file, open_archive(file, found.bytes) as archive:
        members = tuple(Member(member.filename, member.file_size) for member in archive.infolist())
    return dataclasses.replace(found, members=members)


def _read_npz(path: Path, found: Inspection) -> Inspection:
    with path.open("rb") as file:
        arrays, pickled = _npz(file, found.bytes)
    return dataclasses.replace(
        found,
        arrays=arrays,
        members=tuple(Member(f"{array.name}.npy", array.bytes) for array in arrays),
        runs_code=pickled,
    )


def _npz(file: BinaryIO, size: int) -> tuple[tuple[Array, ...], tuple[str, ...]]:
    from sepzoo.artifact.inspection.numpy_archive import read_npz

    with open_archive(file, size) as archive:
        return read_npz(archive)


def _read_npy(path: Path, found: Inspection) -> Inspection:
    from sepzoo.artifact.inspection.numpy_archive import read_npy

    with path.open("rb") as file:
        array, pickled = read_npy(file, "array", found.bytes)
    return dataclasses.replace(found, arrays=(array,) if array else (), runs_code=(pickled,) if pickled else ())


def _read_safetensors(path: Path, found: Inspection) -> Inspection:
    from sepzoo.artifact.inspection.safetensors import read_header

    with path.open("rb") as file:
        entries, _ = read_header(file, found.bytes)
    return dataclasses.replace(found, arrays=tuple(entry.described(name) for name, entry in entries.items()))


def _read_tflite(path: Path, found: Inspection) -> Inspection:
    import zipfile

    from sepzoo.artifact.inspection.tflite import read_tflite

    if found.bytes > BOUNDS.unpacked:
        raise ValueError(f"it has {found.bytes:,} bytes, of which at most {BOUNDS.unpacked:,} are allowed")
    content = path.read_bytes()
    layers, arrays, custom = read_tflite(content)
    members: tuple[Member, ...] = ()
    stream = io.BytesIO(content)
    if zipfile.is_zipfile(stream):
        with open_archive(stream, found.bytes) as archive:
            members = tuple(Member(member.filename, member.file_size) for member in archive.infolist())
    return dataclasses.replace(found, layers=layers, arrays=arrays, members=members, custom=custom)


def _read_page(path: Path, found: Inspection) -> Inspection:
    from sepzoo.artifact.inspection.tflite import read_tflite

    if found.bytes > BOUNDS.unpacked:
        raise ValueError(f"it has {found.bytes:,} bytes, of which at most {BOUNDS.unpacked:,} are allowed")
    layers, arrays, custom = read_tflite(model_in(path.read_bytes()))
    return dataclasses.replace(found, layers=layers, arrays=arrays, custom=custom)


def _read_xml(path: Path, found: Inspection) -> Inspection:
    from sepzoo.artifact.inspection.openvino import read_openvino

    weights = path.with_suffix(".bin")
    files = [path, weights] if weights.is_file() else [path]
    return read_openvino(path, tuple(Member(file.name, file.stat().st_size) for file in files))


def _read_onnx(path: Path, found: Inspection) -> Inspection:
    from sepzoo.artifact.inspection.onnx import read_onnx_file

    return read_onnx_file(path, found)


_READERS: dict[str, Callable[[Path, Inspection], Inspection]] = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    "zip": _read_zip,
    ".safetensors": _read_safetensors,
    ".tflite": _read_tflite,
    ".onnx": _read_onnx,
    ".xml": _read_xml,
    ".html": _read_page,
}
"""What `format_of` returns -> its reader; other formats are named and no more."""

_WITH_HDF5: dict[str, Callable[[Path, Inspection, bool], Inspection]] = {".keras": _read_keras, "HDF5": _read_hdf5}
"""Those whose values can be read too."""
