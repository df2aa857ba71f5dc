"""One whole file of each kind, and some that hold code which would leave a file behind, for mutations to begin with."""

from __future__ import annotations

import base64
import json
import marshal
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.artifact.inspection import files

WITNESS = "witness"


class _Canary:
    """What runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._path}",)


def write_whole(folder: Path, kinds: Iterable[str]) -> None:
    """Write a file `whole` of each kind, and `hostile` of those that can hold code."""
    for kind in kinds:
        _WHOLE[kind](folder / f"whole{kind}")
        if kind in HOSTILE:
            HOSTILE[kind](folder / f"hostile{kind}", folder / WITNESS)


def _keras(path: Path) -> None:
    from sepzoo.artifact.model_file import save

    save(_small(), path)


def _tflite(path: Path) -> None:
    import sepzoo

    sepzoo.export.tflite(_small(), path)


def _saved_model(path: Path) -> None:
    import sepzoo

    sepzoo.export.xla(_small(), path)


def _onnx(path: Path) -> None:
    import sepzoo

    sepzoo.export.onnx(_small(), path)


def _openvino(path: Path) -> None:
    import sepzoo

    sepzoo.export.openvino(_small(), path)


def _small() -> Any:
    """Return a classifier of pictures with labels."""
    import keras

    from sepzoo.artifact.model_file import attach
    from sepzoo.records.metadata import Metadata

    keras.utils.set_random_seed(3)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.SeparableConv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    return attach(network, Metadata("small", labels=("no", "yes")))


def _recipe(path: Path) -> None:
    from sepzoo.training import Recipe

    path.write_text(Recipe.load("digits").to_yaml(), encoding="utf-8")


def _picture(path: Path) -> None:
    from PIL import Image

    rows, columns = np.mgrid[:48, :40]
    Image.fromarray(np.stack([rows * 5, columns * 6, rows + columns], axis=-1).astype(np.uint8)).save(path)


def _labels(path: Path) -> None:
    path.write_text("katze\nlöwe\n茶\n\nant bear\n", encoding="utf-8")


def _clip(path: Path) -> None:
    from scipy.io import wavfile

    wavfile.write(path, 8000, np.random.default_rng(3).integers(-9999, 9999, (900, 2), np.int16))


def _series(path: Path) -> None:
    head = "@problemName small\n@univariate false\n@dimensions 2\n@equalLength true\n@classLabel true no yes\n@data\n"
    path.write_text(head + "1,2.5,-3:4,5e-1,0:no\n-1,0,7:8,9,1:yes\n", encoding="utf-8")


def bytecode(witness: Path) -> str:
    """Return a function as Keras writes it, which would leave a file behind."""
    function = eval(f"lambda x: open({str(witness)!r}, 'w') and x")
    return base64.b64encode(marshal.dumps(function.__code__)).decode()


def _hostile_keras(path: Path, witness: Path) -> None:
    code = {"class_name": "__lambda__", "config": {"code": bytecode(witness), "defaults": None, "closure": None}}
    evil = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    config = {"name": "evil", "function": code, "dtype": "float32"}
    files.keras_file(path, files.sequential({**evil, "config": config}, files.DENSE))


def _hostile_h5(path: Path, witness: Path) -> None:
    with h5py.File(files.whole_h5(path), "r+") as file:
        config = json.loads(file.attrs["model_config"])
        legacy = {"name": "evil", "function": [bytecode(witness), None, None], "function_type": "lambda"}
        config["config"]["layers"].append({"class_name": "Lambda", "config": legacy})
        file.attrs["model_config"] = json.dumps(config)


def _hostile_npz(path: Path, witness: Path) -> None:
    kernel = np.array([_Canary(witness)], dtype=object)
    np.savez(path, **{"predictions/kernel": kernel, "predictions/bias": np.zeros(2, "f4")})  # type: ignore[arg-type]


def _hostile_yaml(path: Path, witness: Path) -> None:
    _recipe(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\ncost: !!python/object/apply:os.system ['touch {witness}']\n", encoding="utf-8")


_WHOLE: dict[str, Callable[[Path], object]] = {
    ".keras": _keras,
    ".h5": files.whole_h5,
    ".npz": files.npz,
    ".safetensors": files.safetensors,
    ".tflite": _tflite,
    "SavedModel": _saved_model,
    ".onnx": _onnx,
    "OpenVINO": _openvino,
    ".wav": _clip,
    ".ts": _series,
    ".yaml": _recipe,
    ".jpg": _picture,
    ".png": _picture,
    ".txt": _labels,
}

HOSTILE: dict[str, Callable[[Path, Path], None]] = {
    ".keras": _hostile_keras,
    ".h5": _hostile_h5,
    ".npz": _hostile_npz,
    ".yaml": _hostile_yaml,
}
"""Kinds that can hold code."""
