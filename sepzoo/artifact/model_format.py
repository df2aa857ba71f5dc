"""What a path leads to, by its content: which reader takes it, or what it is instead."""

from __future__ import annotations

import zipfile
from pathlib import Path

from sepzoo.artifact.inspection.formats import format_of
from sepzoo.support.errors import SepzooError

ARCHIVE, HDF5 = ".keras", ".h5"

_ARRAYS = (
    "arrays alone. Build the network that they belong to and load them: sepzoo.applications.load_weights(model, path)"
)
_OTHERS = {
    ".tflite": "a TFLite file. `sepzoo classify`, `sepzoo evaluate` and sepzoo.inference.open read it",
    ".onnx": "an ONNX file, which sepzoo does not read. Bring the network that it was made from, as .keras or .h5",
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
    except (ValueError, zipfile.BadZipFile):
        return "unknown"
    return HDF5 if found == "HDF5" else found


def keras_format(path: Path) -> str:
    """Return which of the two formats of Keras models a path leads to, `ARCHIVE` or `HDF5`, whatever its name.

    A file of neither goes by its suffix, so that its reader says in what it is damaged.

    Raises:
        SepzooError: it is a folder or a file of another kind, or there is none; what reads it is said.
    """
    if not path.exists():
        raise SepzooError(f"expected a model file. Received: {path}, which does not exist.")
    if path.is_dir():
        raise SepzooError(f"{path}: expected a file of a Keras model. Received: {_folder(path)}.")
    if not path.is_file():
        raise SepzooError(f"{path}: expected a file of a Keras model. Received: a pipe or a device.")
    found = content_of(path)
    if found in (ARCHIVE, HDF5):
        return found
    if found in _OTHERS:
        raise SepzooError(f"{path}: expected a file of a Keras model. Received: {_OTHERS[found]}.")
    suffix = path.suffix.lower().replace(".hdf5", HDF5)
    if suffix in (ARCHIVE, HDF5) and path.stat().st_size:
        return suffix
    with path.open("rb") as file:
        other = _BEGINNINGS.get(file.read(1), "a file of another kind. Save the network with Keras: model.save(path)")
    raise SepzooError(f"{path}: expected a file of a Keras model. Received: {other}.")


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").is_file():
        return "a SavedModel. `sepzoo classify`, `sepzoo evaluate` and sepzoo.inference.open read it"
    if (path / "best.keras").is_file():
        return f"the folder of a run. Name its network: {path / 'best.keras'}"
    if (path / "config.json").is_file():
        return "an unpacked archive. Pack its files: zip -r model.keras *"
    return "a folder without a model. Name a file in it"
