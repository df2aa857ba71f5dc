"""From the path of a whole-model HDF5 file to its model."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import h5py
import keras

from sepzoo.artifact.inspection.hdf5 import check_self_contained
from sepzoo.artifact.keras2.graph import member_from, require_model
from sepzoo.artifact.keras2.weights import fill
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.recursion import deep_recursion
from sepzoo.support.types import Json


def read(path: Path) -> keras.Model:
    """Return the model of a whole-model HDF5 file, architecture and weights, not compiled; no code of it is run.

    What Keras 2 wrote is built anew from the layers of Keras 3: settings that inference does not use are left out
    (`renorm`, `implementation`), what has changed is mapped (`alpha` of a `LeakyReLU`; the hard sigmoid of Keras 2, by
    a function that `import sepzoo` registers), anything else is refused by name. Inputs and outputs have the model's
    own structure. What Keras 3 wrote in this form is read by Keras, in its safe mode.

    Raises:
        SepzooError: the file is missing, damaged, holds weights alone, or has a layer or setting that Keras 3 lacks.
    """
    if not path.is_file():
        raise SepzooError(f"expected a model file. Received: {path}, which does not exist.")
    try:
        check_self_contained(path)
        with h5py.File(path, "r") as file:
            weights = file.get("model_weights", file)
            config = _config(file)
            if _version(file, weights).startswith("3."):
                return _read_keras_3(path)
            with deep_recursion():
                model = member_from(config)
            network = require_model(model.layer, config)
            fill(weights, model)
            return network
    except SepzooError as error:
        text = str(error)
        raise (error if text.startswith(str(path)) else SepzooError(f"{path}: {text}")) from error.__cause__
    except (ValueError, TypeError, KeyError, IndexError, OSError, AttributeError, RuntimeError) as error:
        raise SepzooError(f"{path}: Keras cannot read this file: {first_line(error)}") from error


def _version(file: h5py.File, weights: h5py.Group) -> str:
    version = file.attrs.get("keras_version", weights.attrs.get("keras_version", "2"))
    return version.decode() if isinstance(version, bytes) else str(version)


def _config(file: h5py.File) -> Json:
    text = file.attrs.get("model_config")
    if text is None:
        raise SepzooError(
            "expected a whole model. Received: weights alone. Build the network and load them: "
            "sepzoo.applications.load_weights(model, path)."
        )
    config = json.loads(text)
    if not isinstance(config, dict) or "class_name" not in config:
        raise SepzooError("expected a model's configuration. Received: JSON of another kind.")
    return config


def _read_keras_3(path: Path) -> keras.Model:
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copyfile(path, Path(folder) / "model.h5")  # Keras chooses its reader by the suffix
        model = keras.saving.load_model(copy, compile=False, safe_mode=True)
    if isinstance(model, keras.Sequential):
        return model
    inputs, outputs = (
        end[0] if isinstance(end, list) and len(end) == 1 else end for end in (model.input, model.output)
    )
    return keras.Model(inputs, outputs, name=model.name)
