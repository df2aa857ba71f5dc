"""What several formats share: an open batch, names for inputs and outputs, a folder with the network's record."""

from __future__ import annotations

import functools
from pathlib import Path

import keras

from sepzoo.export.preparation import Shapes
from sepzoo.export.prepared import Prepared
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.support.types import Json


def with_named_outputs(ready: keras.Model) -> keras.Model:
    """Return the network with a dictionary of outputs, that of one output under the name "probability".

    Example:
        >>> source = keras.Input((3,))
        >>> list(with_named_outputs(keras.Model(source, keras.layers.Dense(2)(source))).output)
        ['probability']
    """
    if isinstance(ready.output, dict):
        return ready
    return keras.Model(ready.inputs, {"probability": ready.output}, name=ready.name)


def signature(ready: keras.Model) -> list[Json]:
    """Return what `keras.Model.export` takes as its signature: each input by its name, for any number of samples."""
    specs = [
        keras.InputSpec(shape=(None, *given.shape[1:]), dtype=given.dtype, name=given.name) for given in ready.inputs
    ]
    return specs if len(specs) == 1 else [specs]


def served_saved_model(prepared: Prepared) -> Path:
    """Return the folder of a SavedModel of the network, for any number of samples; formats of one call share it."""
    network = with_named_outputs(prepared.model)
    save = functools.partial(network.export, format="tf_saved_model", verbose=False, input_signature=signature(network))
    return prepared.once("served", lambda path: save(str(path)))


def add_member(path: Path, metadata: Metadata, shapes: Shapes) -> None:
    """Put a network's record into the folder of its file, as `sepzoo.json`."""
    del shapes  # the file says them
    (path / MEMBER).write_text(metadata.to_json(), encoding="utf-8")
