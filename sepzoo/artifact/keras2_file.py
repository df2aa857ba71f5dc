"""Whole-model `.h5` files that Keras 2 wrote, also those whose configuration Keras 3 rejects."""

from __future__ import annotations

import inspect
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import h5py
import keras

from sepzoo.artifact.hdf5_file import check_self_contained
from sepzoo.support.errors import SepzooError, first_line

_HARMLESS: tuple[Any, ...] = (None, False, 0, 1, "", [], {})
"""Values of an unknown setting that mean that it is not used."""


def read(path: Path) -> keras.Model:
    """Return the model of a whole-model HDF5 file, architecture and weights, not compiled; Keras's safe mode always.

    Settings that a layer of Keras 3 does not know are left out where they are not used (`groups=1` of a
    `DepthwiseConv2D`); a list of one axis becomes that axis; the input shape of a first layer becomes an input.

    Raises:
        SepzooError: the file is missing, damaged, holds weights alone, or has a layer or setting that Keras 3 lacks.
    """
    if not path.is_file():
        raise SepzooError(f"expected a model file. Received: {path}, which does not exist.")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.h5"
        shutil.copyfile(path, copy)
        try:
            check_self_contained(path)
            with h5py.File(copy, "r+") as file:
                config = _config(file, path)
                _mend(config, path)
                file.attrs["model_config"] = json.dumps(config)
            return _unwrapped(keras.saving.load_model(copy, compile=False, safe_mode=True))
        except SepzooError:
            raise
        except (ValueError, TypeError, KeyError, OSError, AttributeError) as error:
            raise SepzooError(f"{path}: Keras cannot read this file: {first_line(error)}") from error


def _config(file: h5py.File, path: Path) -> dict[str, Any]:
    text = file.attrs.get("model_config")
    if text is None:
        raise SepzooError(
            f"{path}: expected a whole model. Received: weights alone. Build the network and load them: "
            "sepzoo.applications.load_weights(model, path)."
        )
    return json.loads(text)


def _mend(config: dict[str, Any], path: Path) -> None:
    """Change a model's configuration in place, with those of the models in it, to what Keras 3 takes."""
    settings = config.get("config")
    if not isinstance(settings, dict) or not isinstance(settings.get("layers"), list):
        return
    layers = settings["layers"]
    for layer in layers:
        _mend(layer, path)
        _mend_layer(layer, path)
    first = layers[0]["config"] if layers else {}
    if config.get("class_name") == "Sequential" and "batch_input_shape" in first and _kind(layers[0]) != "InputLayer":
        shape = first.pop("batch_input_shape")
        layers.insert(0, {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "input"}})


def _mend_layer(layer: dict[str, Any], path: Path) -> None:
    kind, settings = _kind(layer), layer["config"]
    known = getattr(keras.layers, kind, None)
    if kind == "InputLayer" or not isinstance(known, type) or not issubclass(known, keras.layers.Layer):
        return
    axis = settings.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        settings["axis"] = axis[0]
    legal = {"batch_input_shape", "autocast"}
    for cls in known.__mro__:
        if "__init__" in vars(cls):
            legal |= set(inspect.signature(vars(cls)["__init__"]).parameters)
    for key in [key for key in settings if key not in legal]:
        if settings[key] not in _HARMLESS:
            raise SepzooError(
                f"{path}: expected settings that Keras 3 has. Received: layer {settings.get('name')!r} ({kind}) with "
                f"{key}={settings[key]!r}. Rebuild the network in Keras 3 and load the weights into it."
            )
        del settings[key]


def _unwrapped(model: keras.Model) -> keras.Model:
    """Return a model that takes and gives one tensor as itself; from such a file they come in lists of one."""
    if isinstance(model, keras.Sequential):
        return model
    inputs, outputs = (
        end[0] if isinstance(end, list) and len(end) == 1 else end for end in (model.input, model.output)
    )
    return keras.Model(inputs, outputs, name=model.name)


def _kind(layer: dict[str, Any]) -> str:
    return str(layer.get("class_name"))
