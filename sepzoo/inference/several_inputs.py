"""What a model of several inputs is given: an array for each, by its name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sepzoo.inference.features import check_lengths, feature_samples, load_features, names_features
from sepzoo.inference.tensors import InputTensor
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from sepzoo.inference.pictures import Data, Picture


def data_by_name(data: object, tensors: Sequence[InputTensor], name: str) -> dict[str, np.ndarray | Sequence[Picture]]:
    """Return the data of each input, in the order of the inputs.

    Args:
        data: a dictionary, or the path of an `.npz` file that holds one array an input.
        tensors: the inputs.
        name: of the model, for errors.

    Raises:
        SepzooError: anything else, inputs that are missing or too many, or arrays of different lengths.

    Example:
        >>> tensors = [InputTensor("a", ()), InputTensor("b", ())]
        >>> list(data_by_name({"b": np.ones(3), "a": np.zeros(3)}, tensors, "net"))
        ['a', 'b']
    """
    wanted = [str(tensor.name) for tensor in tensors]
    if isinstance(data, str | os.PathLike) and names_features(data):
        data = feature_samples(data, wanted).images
    if not isinstance(data, Mapping) or set(data) != set(wanted):
        received = ", ".join(map(str, data)) if isinstance(data, Mapping) else _described(data)
        raise SepzooError(
            f"{name}: expected an array for each of its inputs, {', '.join(wanted)}. Received: {received or 'none'}. "
            "Pass a dictionary, or an .npz file, by their names."
        )
    given = {each: _rows(data[each]) for each in wanted}
    check_lengths(given, name)
    return given


def _rows(data: Data) -> np.ndarray | Sequence[Picture]:
    """Return the data of one input as something that has as many elements as there are samples."""
    if isinstance(data, str | os.PathLike):
        return load_features(data) if names_features(data) else [data]
    return data


def _described(data: object) -> str:
    if isinstance(data, np.ndarray):
        return f"one array of shape {data.shape}"
    return str(data) if isinstance(data, str | os.PathLike) else type(data).__name__
