"""`.keras` archives that Keras 2 wrote: versions 2.12 to 2.15, and `tf_keras`."""

from __future__ import annotations

import itertools
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

from sepzoo.artifact.inspection.archive import open_member
from sepzoo.artifact.keras2.graph import Member, member_from, require_model
from sepzoo.artifact.keras2.weights import finalize, fits, states
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.recursion import deep_recursion
from sepzoo.support.types import Json

_WEIGHTS = "model.weights.h5"
_VARIABLES = "vars"
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""What the group of a model's layers is called; the second one by versions before 2.14."""


def is_keras2(path: Path) -> bool:
    """Return whether an archive says that Keras 2 wrote it."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read("metadata.json") if "metadata.json" in archive.namelist() else b"{}"
    metadata = json.loads(text)
    return isinstance(metadata, dict) and str(metadata.get("keras_version")).startswith("2.")


def read(path: Path) -> keras.Model:
    """Return the model of an archive, built anew from the layers of Keras 3, not compiled; see `reading.read`.

    Raises:
        SepzooError: a layer or setting that Keras 3 lacks, weights that are not those of the layers, or vocabularies.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive, deep_recursion():
            config = json.loads(archive.read("config.json"))
            model = member_from(config)
            assets = [name for name in archive.namelist() if name.startswith("assets/") and not name.endswith("/")]
            if assets:
                raise SepzooError(
                    f"expected layers and weights alone. Received: {assets[0]}, the vocabulary of a layer. Give the "
                    "layer its vocabulary by vocabulary= and save the network again."
                )
            network = require_model(model.layer, config)
            with h5py.File(open_member(archive, file, _WEIGHTS), "r") as weights:
                filled = set(_fill(model, config, weights))
        empty = [variable.path for variable in network.variables if id(variable) not in filled and _counts(variable)]
        if empty:
            raise SepzooError(f"expected weights for all layers. Received: none for {empty[0]!r}.")
        finalize(model)
        return network
    except SepzooError as error:
        raise SepzooError(f"{path}: {error}") from error.__cause__
    except Exception as error:  # whatever a damaged configuration makes Keras and h5py raise
        raise SepzooError(f"{path}: Keras cannot read this file: {first_line(error)}") from error


def _counts(variable: keras.Variable) -> bool:
    return "seed_generator" not in variable.path


def _fill(member: Member, entry: Json, group: h5py.Group) -> Iterator[int]:
    """Set the weights of a layer and of all in it from its group, and yield the identity of each variable."""
    layer = member.layer
    if isinstance(layer, keras.Model):
        entries = _entries(entry)
        container = next((name for name in _CONTAINERS if name in group), None)
        if container is None:
            return
        inner = group[container]
        members = [member.members.get(str(each.get("name") or each["config"]["name"])) for each in entries]
        # before 2.14 a layer with weights was listed twice
        twice = [container == _CONTAINERS[1] and below is not None and bool(below.layer.weights) for below in members]
        names = _numbered((str(each["class_name"]) for each in entries), twice)
        for each, below, name in zip(entries, members, names, strict=True):
            if below is not None and name in inner:
                yield from _fill(below, each, inner[name])
        return
    own = [*layer._trainable_variables, *layer._non_trainable_variables]
    own = [*(variable for variable in own if _counts(variable)), *states(layer)]
    given = group.get(_VARIABLES, {})
    renorm = isinstance(layer, keras.layers.BatchNormalization) and len(given) > len(own)  # its own stand behind
    if (
        len(given) != len(own) and not renorm
    ):  # an empty group is one of a layer that shares its weights with an earlier one
        if len(given):
            raise SepzooError(f"expected {len(own)} weights for layer {layer.name!r}. Received: {len(given)}.")
        own = []
    for number, variable in enumerate(own):
        value = np.asarray(given[variable.name if variable.name in given else str(number)])
        if tuple(itertools.dropwhile(lambda size: size == 1, value.shape)) == tuple(variable.shape):
            value = value.reshape(variable.shape)  # of a `BatchNormalization` with `virtual_batch_size`
        if not fits(value.shape, variable.shape):
            raise SepzooError(
                f"expected {variable.name} of shape {tuple(variable.shape)} in layer {layer.name!r}. Received: one of "
                f"shape {value.shape}. The file's weights are not those of its configuration."
            )
        variable.assign(value)
        yield id(variable)
    for key in set(group) - {_VARIABLES}:
        yield from _fill_attribute(member, entry, key, group[key])


def _fill_attribute(member: Member, entry: Json, key: str, group: h5py.Group) -> Iterator[int]:
    """Set the weights of what a layer holds under a name: a cell, cells, a wrapped layer or model."""
    held = getattr(member.layer, key, None)
    if isinstance(held, list | tuple):
        layers = [each for each in held if isinstance(each, keras.layers.Layer)]
        for layer, name in zip(layers, _numbered(type(each).__name__ for each in layers), strict=True):
            if name in group:
                yield from _fill(Member(layer), {}, group[name])
    elif isinstance(held, keras.layers.Layer):
        inner = entry.get("config", {}).get(key) if isinstance(entry.get("config"), dict) else None
        yield from _fill(member.members.get(key, Member(held)), inner or {}, group)


def _entries(entry: Json) -> list[Json]:
    settings = entry["config"]
    return list(settings["layers"] if isinstance(settings, dict) else settings)


def _numbered(classes: Iterable[str], twice: Iterable[bool] = ()) -> list[str]:
    """Return the names of the groups of layers of some classes: conv2d, conv2d_1, … as Keras counts them.

    Args:
        classes: of the layers, in order.
        twice: of each layer, whether it was listed twice; only its first place has a group.

    Example:
        >>> _numbered(["Dense", "ReLU", "Dense"]), _numbered(["Dense", "Dense"], [True, True])
        (['dense', 're_lu', 'dense_1'], ['dense', 'dense_2'])
    """
    seen: Counter[str] = Counter()
    names = []
    for kind, again in itertools.zip_longest(classes, twice, fillvalue=False):
        name = _snake(str(kind))
        names.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 2 if again else 1
    return names


def _snake(kind: str) -> str:
    """Return a class's name as Keras writes it in files.

    Example:
        >>> _snake("BatchNormalization"), _snake("Conv2D"), _snake("LSTM"), _snake("ReLU")
        ('batch_normalization', 'conv2d', 'lstm', 're_lu')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", re.sub(r"(?<=.)(?=[A-Z][a-z])", "_", kind)).lower()
