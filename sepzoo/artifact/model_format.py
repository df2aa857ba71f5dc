"""What a path leads to, by its content: which reader takes it, or what it is instead."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from sepzoo.artifact.inspection.formats import OPENVINO, STABLEHLO, format_of
from sepzoo.support.errors import SepzooError
from sepzoo.support.regular_file import why_missing

ARCHIVE, HDF5, TFLITE, ONNX, OPENVINO_XML, PAGE = ".keras", ".h5", ".tflite", ".onnx", ".xml", ".html"
SAVED_MODEL = "saved_model.pb"
FOLDERS = (SAVED_MODEL, OPENVINO, STABLEHLO)
"""Formats that are folders, each by the file that tells it."""

_ARRAYS = (
    "arrays alone. Build the network that they belong to and load them: sepzoo.applications.load_weights(model, path)"
)
_READ_ELSEWHERE = "`sepzoo classify`, `sepzoo evaluate`, `sepzoo predict` and sepzoo.inference.open read it"
_DESCRIPTIONS = {
    ARCHIVE: "a Keras model",
    HDF5: "an HDF5 file",
    TFLITE: f"a TFLite file. {_READ_ELSEWHERE}",
    SAVED_MODEL: f"a SavedModel. {_READ_ELSEWHERE}",
    ONNX: f"an ONNX file. {_READ_ELSEWHERE}",
    OPENVINO: f"an OpenVINO model. {_READ_ELSEWHERE}",
    STABLEHLO: f"a StableHLO model. {_READ_ELSEWHERE}",
    OPENVINO_XML: f"the graph of an OpenVINO model. {_READ_ELSEWHERE}",
    PAGE: f"a page with a network in it. {_READ_ELSEWHERE}",
    ".npz": _ARRAYS,
    ".npy": _ARRAYS,
    ".safetensors": _ARRAYS,
    "zip": "an archive without the config.json of a Keras model. Save the network with Keras: model.save(path)",
}
_BEGINNINGS = {
    b"": "an empty file. Save the network again",
    b"\x80": "a pickle, which would run code and is never read. Save the network with Keras: model.save(path)",
}


def content_of(path: Path) -> str:
    """Return the format of a file: ".keras", ".h5", ".tflite", ".onnx", ".npz", …; "unknown" for damaged ones too.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "network"
        >>> _ = path.write_bytes(bytes([28, 0, 0, 0]) + b"TFL3")
        >>> content_of(path)
        '.tflite'
    """
    try:
        found = format_of(path)
    except OSError:
        raise
    except Exception:  # zipfile lets almost anything through
        return "unknown"
    return HDF5 if found == "HDF5" else found


def keras_format(path: Path) -> str:
    """Return which of the two formats of Keras models a path leads to, `ARCHIVE` or `HDF5`, whatever its name.

    Raises:
        SepzooError: as `model_format`.
    """
    missing = why_missing(path)
    if missing is not None:
        raise SepzooError(f"expected a model file. Received: {path}, which {missing}.")
    return model_format(path, readable=(ARCHIVE, HDF5), expected="a file of a Keras model")


def model_format(path: Path, *, readable: Container[str], expected: str) -> str:
    """Return the format of the model that a path leads to, whatever its name; a file of none goes by its suffix.

    So the reader of that format says in what it is damaged.

    Args:
        path: of something that exists.
        readable: which of the formats above are read; those of `FOLDERS` are folders with a file of this name.
        expected: what they are called together.

    Raises:
        SepzooError: it is a folder or a file of another kind; what reads it is said.

    Example:
        >>> model_format(Path("."), readable=(ARCHIVE, HDF5), expected="a file of a Keras model")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: .: expected a file of a Keras model. Received: a folder without a model. Name a file in it.
    """
    if path.is_dir():
        found = folder_format(path)
        other = described_folder(path)
    elif not path.is_file():
        found, other = None, "a pipe or a device"
    else:
        found, other = _format_and_description(path)
    if found is None or found not in readable:
        raise SepzooError(f"{path}: expected {expected}. Received: {other}.")
    return found


def folder_format(path: Path) -> str | None:
    """Return which of `FOLDERS` a folder is, by the file in it; None where it is none.

    Example:
        >>> folder_format(Path(".")) is None
        True
    """
    return next((name for name in FOLDERS if (path / name).is_file()), None)


def described_file(path: Path) -> str:
    """Return what a file is, and what to do with it, for a message of one that is not read."""
    return _format_and_description(path)[1]


def described_folder(path: Path) -> str:
    """Return what a folder is, and what to do with it, for a message of one that is not read."""
    found = folder_format(path)
    if found is not None:
        return _DESCRIPTIONS[found]
    if (path / "best.keras").is_file():
        return f"the folder of a run. Name its network: {path / 'best.keras'}"
    if (path / "config.json").is_file():
        return "an unpacked archive. Pack its files: zip -r model.keras *"
    return "a folder without a model. Name a file in it"


def _format_and_description(path: Path) -> tuple[str | None, str]:
    found = content_of(path)
    if found in _DESCRIPTIONS:
        return found, _DESCRIPTIONS[found]
    suffix = path.suffix.lower().replace(".hdf5", HDF5)
    if suffix in (ARCHIVE, HDF5, TFLITE, ONNX, OPENVINO_XML, PAGE) and path.stat().st_size:
        return suffix, "a damaged file. Save the network again"
    with path.open("rb") as file:
        other = _BEGINNINGS.get(file.read(1), "a file of another kind. Save the network with Keras: model.save(path)")
    return None, other
