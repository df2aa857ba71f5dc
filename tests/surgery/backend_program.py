"""Do every surgery to one small model on the Keras backend of this process, and write down what the results answer.

`KERAS_BACKEND=jax python -m tests.surgery.backend_program FOLDER`, where FOLDER has `model.keras` and `images.npy`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sepzoo import surgery


def results(model: keras.Model, images: np.ndarray) -> dict[str, keras.Model]:
    """Return the new model of each surgery, by a name."""
    separable = surgery.decouple(model, order="dw_pw", terms=2)[0]
    found: dict[str, Any] = {
        "accelerate": surgery.accelerate(model),
        "fold": surgery.fold_batch_norm(model),
        "decouple": surgery.decouple(model, terms=2),
        "decouple by energy": surgery.decouple(model, energy=0.8, order="dw_pw"),
        "decouple with data": surgery.decouple(model, terms=2, data=images),
        "decouple to a budget": surgery.decouple(model, macs=0.6, data=images),
        "blueprint": surgery.blueprint(model),
        "blueprint in a subspace": surgery.blueprint(model, p=0.5),
        "spatial": surgery.decompose_spatially(model, ratio=2.0),
        "channels": surgery.decompose_channels(model, ratio=2.0, data=images),
        "prune": surgery.prune_channels(model, ratios=0.5),
        "prune with data": surgery.prune_channels(model, macs=0.6, importance="taylor", data=images),
        "recalibrate": surgery.recalibrate_batch_norm(model, images),
        "split": surgery.split_separable(separable),
        "merge": surgery.merge_separable(surgery.split_separable(separable)[0]),
        "to_keras": surgery.to_keras(surgery.decouple(model, terms=2)[0]),
    }
    return {name: new for name, (new, _report) in found.items()}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    images = np.load(folder / "images.npy")
    original = keras.models.load_model(folder / "model.keras")
    networks = {**results(original, images), "original": original}  # last, so that it must have outlived the others
    answers = {name: np.asarray(network.predict(images, verbose=0)) for name, network in networks.items()}
    sizes = {f"{name}: parameters": np.asarray(network.count_params()) for name, network in networks.items()}
    np.savez(folder / f"{keras.backend.backend()}.npz", **answers, **sizes)
