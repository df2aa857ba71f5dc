"""How a user opens a file of each kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Opener = Callable[[Path], object]


def openers(keras: Any) -> dict[str, Opener]:
    """Return for each kind what opens a file of it, and runs what can be run."""
    from sepzoo import inference
    from sepzoo.applications import load_weights
    from sepzoo.artifact.labels_file import read_labels
    from sepzoo.data import read_image
    from sepzoo.data.clip import read_clip
    from sepzoo.data.series import read_series
    from sepzoo.records.preprocessing import Preprocessing
    from sepzoo.records.sound import Sound
    from sepzoo.training import Recipe

    layers = keras.layers

    def weights(path: Path) -> object:
        start = keras.Input((3,))
        return load_weights(keras.Model(start, layers.Dense(2, name="predictions")(start), name="small"), path)

    def classify(path: Path) -> object:
        return inference.open(path).predict(np.zeros((1, 8, 8, 3), "uint8"))

    def features(path: Path) -> object:
        return inference.open(path, outputs="values").predict(np.zeros((1, 3), "float32"))

    def picture(path: Path) -> object:
        return Preprocessing().resize(read_image(path), (32, 32))

    return {
        ".keras": classify,
        ".h5": features,
        ".npz": weights,
        ".safetensors": weights,
        ".tflite": classify,
        "SavedModel": classify,
        ".onnx": classify,
        "OpenVINO": classify,
        ".wav": lambda path: read_clip(path, Sound()),
        ".ts": read_series,
        ".yaml": Recipe.load,
        ".jpg": picture,
        ".png": picture,
        ".txt": read_labels,
    }
