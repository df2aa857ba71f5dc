"""The state of a run at the end of an epoch, to the last bit."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.ops import convert_to_numpy

from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError


def save_state(path: Path, model: keras.Model, optimizer: Any, *, epochs: int) -> None:
    """Write weights, moving statistics, seed generators and the optimizer's variables after so many epochs.

    With the order of the data keyed on the epoch this is all that a run is made of: one that goes on from here ends in
    the same bits as one that was never broken off (on a CPU; a GPU may add in another order each time).
    """
    arrays: dict[str, Any] = {name: convert_to_numpy(variable.value) for name, variable in _state(model, optimizer)}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, epochs=np.int64(epochs), **arrays)


def restore_state(path: Path, model: keras.Model, optimizer: Any) -> int:
    """Put a run back to where `save_state` left it, and return the number of epochs that are done.

    Raises:
        SepzooError: the file is damaged or of another network.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SepzooError(f"{path}: expected the state of a run. Received: a damaged file ({error}).") from None
    state = _state(model, optimizer)
    expected = {name: tuple(variable.shape) for name, variable in state}
    if expected != {name: array.shape for name, array in arrays.items() if name != "epochs"}:
        raise SepzooError(f"{path}: expected the state of {model.name}. Received: that of another network.")
    for name, variable in state:
        variable.assign(arrays[name])
    return int(arrays["epochs"])


def _state(model: keras.Model, optimizer: Any) -> list[tuple[str, Any]]:
    return [
        (f"{part}_{number:04}", variable)  # no paths: Keras numbers layers without a name anew in every process
        for part, variables in (("model", model.variables), ("optimizer", optimizer.variables))
        for number, variable in enumerate(variables)
    ]
