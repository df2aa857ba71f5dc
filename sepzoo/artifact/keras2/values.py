"""What stands in a layer's settings: activations, initializers, regularizers, constraints, precisions."""

from __future__ import annotations

import inspect
from types import ModuleType

import keras

from sepzoo.layers.hard_sigmoid import hard_sigmoid_keras2
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Activation, Constraint, Initializer, Json, Regularizer

_ACTIVATIONS = {"hard_sigmoid": hard_sigmoid_keras2, "softmax_v2": "softmax", "swish": "silu", None: "linear"}
"""Whose name or meaning has changed: Keras 2's hard sigmoid is clip(x / 5 + 1/2), Keras 3's clip(x / 6 + 1/2)."""

_POLICIES = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float32", "float64")


def value(key: str, setting: Json) -> Json:
    """Return a setting as Keras 3 takes it, chosen by the name of its key.

    Raises:
        SepzooError: an activation that Keras 3 does not have, or a precision that it does not know.
    """
    if key.endswith("activation"):
        return activation(setting)
    if key.endswith("_initializer"):
        return _object(keras.initializers, setting)
    if key.endswith("_regularizer"):
        return _object(keras.regularizers, setting)
    if key.endswith("_constraint"):
        return _object(keras.constraints, setting)
    if key == "dtype":
        return precision(setting)
    return plain(setting)


def plain(setting: Json) -> Json:
    """Return a setting with tuples and shapes as what they are: JSON has lists alone, so Keras 2 marks some."""
    if isinstance(setting, dict):
        kind = setting.get("class_name")
        if kind in ("__tuple__", "TensorShape"):
            return tuple(plain(item) for item in setting.get("items", ()))
        if kind == "__ellipsis__":
            return ...
        return {key: plain(item) for key, item in setting.items()}
    return [plain(item) for item in setting] if isinstance(setting, list) else setting


def activation(setting: Json) -> Activation:
    """Return an activation of Keras 3 that computes what Keras 2 computed.

    Raises:
        SepzooError: Keras 3 has no such function.
    """
    if isinstance(setting, dict):  # {"class_name": "function", "config": "relu"}, or a layer in its place
        setting = setting["config"] if setting.get("class_name") == "function" else setting.get("class_name")
    if setting in _ACTIVATIONS:
        return _ACTIVATIONS[setting]
    if not isinstance(setting, str) or not inspect.isfunction(getattr(keras.activations, setting, None)):
        raise SepzooError(f"activation {setting!r}, which Keras 3 lacks")
    return setting


def precision(setting: Json) -> str | None:
    """Return the name of a layer's precision, None for Keras's default.

    Raises:
        SepzooError: none that Keras 3 knows.
    """
    name = setting.get("config", {}).get("name") if isinstance(setting, dict) else setting
    if name in (None, "infer", "_infer", "infer_float32_vars"):
        return None
    if name in _POLICIES or (isinstance(name, str) and name.startswith(("int", "uint", "bool", "string"))):
        return name
    raise SepzooError(f"precision {name!r}, which Keras 3 lacks")


def _object(module: ModuleType, setting: Json) -> Initializer | Regularizer | Constraint:
    """Return an initializer, regularizer or constraint; those that Keras 3 lacks count in training alone, and go."""
    if isinstance(setting, str):
        return setting if hasattr(module, setting) else None
    if not isinstance(setting, dict):
        return None
    cls = getattr(module, str(setting.get("class_name")), None)
    if not isinstance(cls, type):
        return None
    known = inspect.signature(cls).parameters
    return cls(**{key: item for key, item in (setting.get("config") or {}).items() if key in known})
