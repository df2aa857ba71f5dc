"""The configuration of a Keras model: its layers, and what in it would run code or read other files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from sepzoo.artifact.inspection.archive import is_inside
from sepzoo.artifact.inspection.records import Layer
from sepzoo.support.types import Json

_CODE = {
    "Lambda": "a Lambda layer, which holds Python code",
    "__lambda__": "Python code",
    "TorchModuleWrapper": "a TorchModuleWrapper, which holds a pickle",
    "TFSMLayer": "a TFSMLayer, which runs another SavedModel",
    "JaxLayer": "a JaxLayer, which calls functions by name",
    "FlaxLayer": "a FlaxLayer, which calls methods by name",
}
"""Class -> what it would do; Keras's safe mode refuses the first two alone."""

_MODELING = {
    "activations", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models", "ops",
    "optimizers", "quantizers", "random", "regularizers",
}  # fmt: skip
"""The parts of Keras whose classes and functions a model is made of; `keras.utils.get_file` is in none of them."""

_KERAS_2_POLICY = "keras.mixed_precision.Policy"
"""What Keras 2 called a policy of types."""

_FILES = {"vocabulary", "filepath", "file_path", "filename", "idf_weights", "origin", "url"}
"""Settings that take a path or an address; a layer that is loaded reads it."""


@dataclasses.dataclass
class Findings:
    """What a configuration holds; see `Inspection`."""

    layers: list[Layer] = dataclasses.field(default_factory=list)
    runs_code: list[str] = dataclasses.field(default_factory=list)
    reads_files: list[str] = dataclasses.field(default_factory=list)
    custom: list[str] = dataclasses.field(default_factory=list)


def search(config: Json) -> Findings:
    """Return what a model's configuration, as JSON holds it, says.

    Example:
        >>> search({"class_name": "Lambda", "config": {"name": "double"}}).runs_code
        ["'double', a Lambda layer, which holds Python code"]
    """
    found = Findings()
    for entry in objects(config):
        _look_at(entry, found)
    found.custom = sorted(set(found.custom))
    return found


def objects(config: Json) -> Iterator[dict[str, Json]]:
    """Yield every JSON object at any depth, in the order of the text."""
    left = [config]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield value
            left.extend(reversed(list(value.values())))
        elif isinstance(value, list):
            left.extend(reversed(value))


def _look_at(entry: dict[str, Json], found: Findings) -> None:
    kind, module, settings = entry.get("class_name"), entry.get("module"), entry.get("config")
    name = settings.get("name") if isinstance(settings, dict) else None
    label = repr(name) if isinstance(name, str) else repr(kind)
    if isinstance(kind, str):
        package = module.partition(".")[0] if isinstance(module, str) else ""
        short = kind.rpartition(">")[2]
        if short in _CODE:
            found.runs_code.append(f"{label}, {_CODE[short]}")
        elif package == "keras" and not _is_modeling(str(module)) and f"{module}.{kind}" != _KERAS_2_POLICY:
            found.runs_code.append(f"{module}.{_called(kind, settings)}, which is no part of a model")
        elif package not in ("", "keras", "builtins") or entry.get("registered_name") not in (None, kind):
            called = entry.get("registered_name") or f"{module}.{_called(kind, settings)}"
            found.custom.append(str(called))
        elif package == "builtins" and kind not in ("function", "float", "int", "str", "bool", "list", "dict", "tuple"):
            found.runs_code.append(f"{label}, which is {module}.{kind}")
        if isinstance(name, str) and not is_inside(name.replace(":", "") or "-"):
            found.reads_files.append(f"layer {name!r}, whose name leads out of the archive")
        if isinstance(name, str) and isinstance(settings, dict) and _is_layer(entry, settings):
            found.layers.append(Layer(name, short, "" if package in ("", "keras") else package))
    for key, value in (settings if isinstance(settings, dict) else {}).items():
        if key in _FILES and isinstance(value, str) and value:
            found.reads_files.append(f"{label}, whose {key} is {value!r}")


def _is_modeling(module: str) -> bool:
    parts = [part for part in module.split(".")[1:] if part not in ("src", "api", "_tf_keras", "keras")]
    if parts[:1] == ["engine"]:  # of Keras 2: models; Keras 3 has no such module, and nothing is imported by it
        return True
    if parts[:1] == ["backend"]:  # PyTorch has optimizers of its own
        return parts[2:3] == ["optimizers"]
    return not parts or parts[0] in _MODELING


def _is_layer(entry: dict[str, Json], settings: dict[str, Json]) -> bool:
    """Return whether an entry describes a layer or a model, as against a policy of types or an initializer."""
    module = str(entry.get("module") or "")
    part = module.removeprefix("keras").removeprefix(".").partition(".")[0]
    if part in ("layers", "models"):
        return True
    named = part in _MODELING or entry.get("class_name") == "DTypePolicy"
    return not named and any(key in settings for key in ("dtype", "trainable", "layers"))


def _called(kind: str, settings: Json) -> str:
    """Return what a function is called: of those the class is "function" and the name stands in the settings."""
    return settings if kind == "function" and isinstance(settings, str) else kind
