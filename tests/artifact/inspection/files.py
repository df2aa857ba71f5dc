"""Small files of each format, a few KB each, written without the code that reads them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

DENSE: dict[str, Any] = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"name": "predictions", "units": 2, "activation": "linear", "dtype": "float32"},
    "registered_name": None,
    "build_config": {"input_shape": [None, 3]},
}
INPUT: dict[str, Any] = {
    "module": "keras.layers",
    "class_name": "InputLayer",
    "config": {"batch_shape": [None, 3], "dtype": "float32", "name": "input"},
    "registered_name": None,
}


def sequential(*layers: Any) -> dict[str, Any]:
    """Return the configuration of a model of these layers."""
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "small", "trainable": True, "dtype": "float32", "layers": [INPUT, *(layers or [DENSE])]},
        "registered_name": None,
        "build_config": {"input_shape": [None, 3]},
    }


def weights(path: Path) -> Path:
    """Write the `.weights.h5` of the small model."""
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.arange(6, dtype="float32").reshape(3, 2)
        file["layers/dense/vars/1"] = np.zeros(2, "float32")
    return path


def archive(path: Path, members: Mapping[str, bytes], **arguments: Any) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w", **arguments) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def keras_file(path: Path, config: Any = None, **members: bytes) -> Path:
    """Write a `.keras` file of a configuration, the small model's where none is given."""
    content = weights(path.with_suffix(".weights.h5")).read_bytes()
    fixed = {
        "metadata.json": b'{"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}',
        "config.json": json.dumps(sequential() if config is None else config).encode(),
        "model.weights.h5": content,
    }
    return archive(path, {**fixed, **members})


def whole_h5(path: Path) -> Path:
    """Write a whole-model `.h5` file as Keras 2 does."""
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 3], "dtype": "float32", "name": "input"}},
        {"class_name": "Dense", "config": {"name": "predictions", "units": 2, "dtype": "float32"}},
    ]
    with h5py.File(path, "w") as file:
        model = {"class_name": "Sequential", "config": {"name": "small", "layers": layers}}
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(model), "2.4.0"
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = np.array([b"input", b"predictions"])
        root.create_group("input").attrs["weight_names"] = np.array([], "S1")
        group = root.create_group("predictions")
        group.attrs["weight_names"] = np.array([b"predictions/kernel:0", b"predictions/bias:0"])
        group["predictions/kernel:0"] = np.arange(6, dtype="float32").reshape(3, 2)
        group["predictions/bias:0"] = np.zeros(2, "float32")
    return path


def npz(path: Path) -> Path:
    """Write the small model's arrays as `.npz`."""
    arrays = {"predictions/kernel": np.arange(6, dtype="float32").reshape(3, 2), "predictions/bias": np.zeros(2, "f4")}
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def safetensors(path: Path) -> Path:
    """Write the small model's arrays as `.safetensors`."""
    header = {
        "predictions/kernel": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]},
        "predictions/bias": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32]},
    }
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + np.arange(8, dtype="f4").tobytes())
    return path


def h5(path: Path, fill: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "w") as file:
        fill(file)
    return path
