"""Reading trained weights: any file, or arrays in memory, as one flat mapping from name to array."""

from __future__ import annotations

import functools
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from sepzoo.artifact.inspection.checking import check
from sepzoo.artifact.inspection.hdf5 import check_self_contained
from sepzoo.artifact.model_format import content_of, described_folder
from sepzoo.catalog.packaged import weight_names
from sepzoo.support.errors import SepzooError, first_line, similar_names
from sepzoo.support.regular_file import why_missing
from sepzoo.support.types import ArrayLike, Hdf5Item, Model, Variable
from sepzoo.weights.safetensors_file import read_safetensors

Arrays = dict[str, np.ndarray]
FORMATS = (".h5", ".keras", ".npz", ".safetensors")
_OTHERS = {
    ".tflite": "a TFLite file, whose weights have other names",
    ".onnx": "an ONNX file, whose arrays sepzoo does not load into networks",
    ".npy": "one array without a name. Save arrays by name: numpy.savez(path, **arrays)",
    "zip": "an archive without arrays. PyTorch's weights go into a .safetensors file",
}
_PLACE = re.compile(r"layers/(\w+?)(?:_(\d+))?/vars/(\d+)")
"""Where a Keras 3 weight file keeps a variable: layers of a class are counted."""
_HEADS = {1: ("predictions",), 2: ("hidden", "logits"), 3: ("hidden1", "hidden2", "predictions")}
"""What a head's layers with weights are called, by how many they are."""
KERAS_1 = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}


def read_arrays(
    source: str | os.PathLike[str] | Mapping[str, ArrayLike], model: Model, *, trust: bool = False
) -> Arrays:
    """Return the arrays of a weight file by name: `layer/variable`, or a PyTorch module's dotted names.

    Args:
        source: a Keras file (`.h5`, `.weights.h5`, `.keras`), an `.npz` or `.safetensors` of named arrays, or a mapping
            of arrays, for example a PyTorch state dict.
        model: that they are meant for; a Keras 3 `.weights.h5` has no names but the order of a model's layers.
        trust: whether to read a file without the check of `sepzoo.artifact.inspection`.

    Raises:
        SepzooError: the file is missing, damaged, or of another format.
    """
    if isinstance(source, Mapping):
        return {str(name): np.asarray(array) for name, array in source.items()}
    path = Path(source)
    missing = why_missing(path)
    if missing is not None:
        near = similar_names(path.name, weight_names())
        meant = f" Did you mean {', '.join(near)}?" if near else ""
        raise SepzooError(f"expected a weight file. Received: {path}, which {missing}.{meant}")
    if not path.is_file():
        kind = described_folder(path) if path.is_dir() else "a pipe or a device"
        raise SepzooError(f"expected a weight file. Received: {path}, {kind}.")
    readers: dict[str | None, Callable[[Path], Arrays]] = {
        ".h5": functools.partial(_read_h5, model=model),
        ".keras": _read_keras,
        ".npz": _read_npz,
        ".safetensors": read_safetensors,
    }
    form = format_of(path)
    if form is None:
        raise SepzooError(f"expected a weight file ({', '.join(FORMATS)}). Received: {path}, {_other(path)}.")
    check(path, trust=trust)
    try:
        arrays = readers[form](path)
    except SepzooError:
        raise
    except Exception as error:  # h5py, NumPy, zipfile and zlib let almost anything through
        raise SepzooError(
            f"{path}: the file is damaged or another thing than its name says ({first_line(error)})."
        ) from error
    if not arrays:
        raise SepzooError(f"{path}: expected named arrays. The file holds none.")
    return arrays


def format_of(path: Path) -> str | None:
    """Return which of `FORMATS` a file has: by its content; a damaged file by its suffix; None for none."""
    found, suffix = content_of(path), path.suffix.lower().replace(".hdf5", ".h5")
    if found in FORMATS:
        return found
    return suffix if suffix in FORMATS and path.stat().st_size else None


def _other(path: Path) -> str:
    if not path.stat().st_size:
        return "an empty file"
    return _OTHERS.get(content_of(path), "a file of another kind")


def _read_npz(path: Path) -> Arrays:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _read_keras(path: Path) -> Arrays:
    from sepzoo.artifact.model_file import load

    return named_arrays(load(path))


def _read_h5(path: Path, model: Model) -> Arrays:
    import h5py

    check_self_contained(path)
    with h5py.File(path, "r") as file:
        root = file.get("model_weights", file)
        if "layer_names" in root.attrs:
            return _read_legacy_h5(root)
    return _read_by_order(path, model)


def _read_by_order(path: Path, model: Model) -> Arrays:
    """Read a Keras 3 weight file, in which layers have no names of their own but places in the model.

    Keras's own loader asks for equal shapes, and leaves out with a warning what it doesn't find.
    """
    import keras

    arrays = _datasets(path)
    names = _names_by_place(keras.models.clone_model(model))
    names |= _head_names(names, [place for place in arrays if place not in names])
    return {names.get(place, place): array for place, array in arrays.items()}


def _head_names(names: Mapping[str, str], left: Sequence[str]) -> dict[str, str]:
    """Return names for what a file has behind all layers of a model: the classifier of a whole network.

    Args:
        names: of the places that the model fills.
        left: the others.

    Example:
        >>> _head_names({"layers/conv2d/vars/0": "stem/kernel"}, ["layers/conv2d_1/vars/0", "layers/conv2d_2/vars/0"])
        {'layers/conv2d_1/vars/0': 'hidden/0', 'layers/conv2d_2/vars/0': 'logits/0'}
    """
    last: dict[str, int] = {}
    for match in filter(None, map(_PLACE.fullmatch, names)):
        last[match[1]] = max(last.get(match[1], 0), int(match[2] or 0))
    found = [_PLACE.fullmatch(place) for place in left]
    behind = [match for match in found if match and int(match[2] or 0) > last.get(match[1], -1)]
    layers = sorted({(match[1], int(match[2] or 0)) for match in behind})
    if len(behind) < len(left) or len(layers) not in _HEADS:
        return {}
    called = dict(zip(layers, _HEADS[len(layers)], strict=True))
    return {match[0]: f"{called[match[1], int(match[2] or 0)]}/{match[3]}" for match in behind}


def _names_by_place(model: Model) -> dict[str, str]:
    """Return for each place in a Keras 3 weight file of a model the variable that it holds.

    Each variable is filled with its number, and the model's file then read.
    """
    variables = saved_variables(model)
    for number, variable in enumerate(variables):
        variable.assign(np.full(variable.shape, number))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "numbers.weights.h5"
        model.save_weights(path)
        numbers = {place: int(array.flat[0]) for place, array in _datasets(path).items() if array.size}
    return {place: variables[number].path for place, number in numbers.items()}


def _datasets(path: Path) -> Arrays:
    """Return all arrays of an HDF5 file by their place in it, but random seeds."""
    import h5py

    arrays: Arrays = {}

    def keep(place: str, item: Hdf5Item) -> None:
        if isinstance(item, h5py.Dataset) and "seed_generator" not in place:
            arrays[place] = item[()]

    with h5py.File(path, "r") as file:
        file.visititems(keep)
    return arrays


def _read_legacy_h5(root: Hdf5Item) -> Arrays:
    """Read the form of Keras 1 and 2, in which each layer lists its own weights."""
    arrays: Arrays = {}
    for layer in (_text(name) for name in root.attrs["layer_names"]):
        for weight in (_text(name) for name in root[layer].attrs["weight_names"]):
            arrays[f"{layer}/{_variable(weight, layer)}"] = root[layer][weight][()]
    return arrays


def _variable(weight: str, layer: str) -> str:
    """Return the name of a variable without that of its layer: fc1/kernel:0, and fc1_W_1:0 of Keras 1, is kernel."""
    name = weight.rpartition("/")[2].partition(":")[0].removeprefix(f"{layer}_")
    return KERAS_1.get(re.sub(r"_\d+$", "", name), name)


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def named_arrays(model: Model) -> Arrays:
    """Return a model's variables by path, `layer/variable`, random seeds left out."""
    return {variable.path: np.asarray(variable) for variable in saved_variables(model)}


def saved_variables(model: Model) -> list[Variable]:
    """Return the variables that a weight file holds: all but random seeds."""
    return [variable for variable in model.variables if "seed_generator" not in variable.path]
