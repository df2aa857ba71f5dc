"""What a file is, by its content."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import BinaryIO

from sepzoo.artifact.browser_page import HEAD, is_page
from sepzoo.artifact.inspection.protobuf import fields
from sepzoo.support.bounds import BOUNDS

OPENVINO, STABLEHLO = "model.xml", "model.stablehlo"
"""In a folder: the graph of OpenVINO's pair of files; a function of StableHLO."""
HDF5 = b"\x89HDF\r\n\x1a\n"
_ONNX_VERSION, _ONNX_GRAPH = 1, 7
_ONNX_START = 2**20
_OPENVINO_START = 4096
_END, _LONG_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_LONGEST_END = 2**16 + 22 + 20 + 56
"""The last record with the longest comment, and what is before it in long archives."""

_TAKEN = {
    ".keras": (".keras", "zip", "whole-model .h5"),  # which versions before 2.12 wrote under any name
    ".h5": ("whole-model .h5", "weights .h5", ".weights.h5"),
    ".hdf5": ("whole-model .h5", "weights .h5", ".weights.h5"),
    ".npy": (".npy",),
    ".npz": (".npz", "zip"),
    ".safetensors": (".safetensors",),
    ".tflite": (".tflite",),
    ".onnx": (".onnx",),
    ".xml": (".xml", "OpenVINO"),
    ".html": (".html",),
}
"""Suffix -> the contents that its reader was written for."""


def names_model(path: Path) -> bool:
    """Return whether a file's suffix is that of a model or of weights.

    Example:
        >>> names_model(Path("net.keras")), names_model(Path("cat.jpg"))
        (True, False)
    """
    return path.suffix.lower() in _TAKEN


def fits(path: Path, kind: str) -> bool:
    """Return whether the content of a file is of the kind that its suffix says, or of none that is known.

    Readers go by the suffix. One that was given another kind of file would look at other bytes than were checked.
    """
    suffix = path.suffix.lower()
    return kind == "unknown" or suffix not in _TAKEN or kind in _TAKEN[suffix]


def format_of(path: Path) -> str:
    """Return what a file is: ".keras", ".npz", "zip", "HDF5", ".tflite", ".npy", … (`_MATCHES` has all), or "unknown".

    Of XML files those of OpenVINO alone are known, of HTML files the pages that hold a network.

    Raises:
        ValueError: it is two things at once: each reader would see another file.
        zipfile.BadZipFile: it is a damaged archive.
    """
    with path.open("rb") as file:
        found = [name for name, matches in _MATCHES.items() if matches(file, path.stat().st_size)]
        if "zip" in found and ".tflite" not in found:  # labels are appended to a `.tflite` file as an archive
            size = directory_bytes(file)
            if size > BOUNDS.directory:
                raise ValueError(f"its directory has {size:,} bytes, of which at most {BOUNDS.directory:,} are allowed")
            if "HDF5" in found and _is_in_member(file, path.stat().st_size):
                found.remove("HDF5")
            if len(found) > 1:
                raise ValueError(f"it is {' and '.join(found)} at once")
            file.seek(0)
            if file.read(2) != b"PK":
                raise ValueError("it is an archive with something else before it")
            return _archive_format(file)
    return found[0] if found else "unknown"


def _is_zip(file: BinaryIO, size: int) -> bool:
    return zipfile.is_zipfile(file)


def _is_hdf5(file: BinaryIO, size: int) -> bool:
    """Return whether HDF5's signature is at one of the places where its library looks: 0, 512, 1024, 2048, …."""
    return _hdf5_start(file, size) is not None


def _hdf5_start(file: BinaryIO, size: int) -> int | None:
    place = 0
    while place < size:
        file.seek(place)
        if file.read(8) == HDF5:
            return place
        place = max(512, 2 * place)
    return None


def _is_in_member(file: BinaryIO, size: int) -> bool:
    """Return whether an archive's weights, stored as they are, begin by chance where HDF5's library would look."""
    start = _hdf5_start(file, size)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    for member in members:
        file.seek(member.header_offset + 26)
        lengths = file.read(4)
        begin = (
            member.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        )
        if begin == start:
            return member.compress_type == zipfile.ZIP_STORED and member.filename.endswith(".h5")
    return False


def _is_tflite(file: BinaryIO, size: int) -> bool:
    file.seek(4)
    return file.read(4) == b"TFL3"


def _is_npy(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    return file.read(6) == b"\x93NUMPY"


def _is_safetensors(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and int.from_bytes(start[:8], "little") <= size - 8


def _is_onnx(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    if file.read(1) != b"\x08":
        return False
    file.seek(0)
    numbers = set()
    try:
        for number, _ in fields(memoryview(file.read(_ONNX_START))):
            numbers.add(number)
    except ValueError:
        pass  # the graph goes beyond what was read
    return size > _ONNX_START or _ONNX_GRAPH in numbers


def _is_openvino(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    start = file.read(_OPENVINO_START)
    return start.lstrip()[:1] == b"<" and b"<net " in start


def _is_page(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    return is_page(file.read(HEAD))


_MATCHES = {
    ".tflite": _is_tflite,
    "HDF5": _is_hdf5,
    "zip": _is_zip,
    ".npy": _is_npy,
    ".safetensors": _is_safetensors,
    ".onnx": _is_onnx,
    ".xml": _is_openvino,
    ".html": _is_page,
}


def _archive_format(file: BinaryIO) -> str:
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    if "config.json" in names:
        return ".keras"
    return ".npz" if any(name.endswith(".npy") for name in names) else "zip"


def directory_bytes(file: BinaryIO) -> int:
    """Return how long the directory of an archive is, as its last record says: all of it is read when it is opened."""
    file.seek(0, 2)
    start = max(0, file.tell() - _LONGEST_END)
    file.seek(start)
    end = file.read()
    place = end.rfind(_END)
    if place < 0 or place + 22 > len(end):
        return 0
    sizes = [int.from_bytes(end[place + 12 : place + 16], "little")]
    if end[max(0, place - 20) : place].startswith(_LONG_LOCATOR):  # beyond 4 GiB, or 65,535 members
        sizes.append(int.from_bytes(end[max(0, place - 20 - 56) :][40:48], "little"))
    return sizes[-1]
