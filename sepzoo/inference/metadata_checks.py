"""What is said of each input of a network, and whether it fits it: features, preprocessing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sepzoo.inference.said_outputs import titled
from sepzoo.inference.tensors import InputTensor
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError


def fitted(metadata: Metadata, tensors: Sequence[InputTensor]) -> Metadata:
    """Return the record of a model of these inputs: what is said of one input by its name is said of the model.

    Raises:
        SepzooError: something is said of an input that it has not, or features of none in particular.
    """
    names = [each.name for each in tensors]
    unknown = [each.name for each in metadata.several if each.name not in names]
    if unknown or (metadata.features is not None and len(tensors) > 1):
        raise SepzooError(
            f"{metadata.name}: expected what its inputs take by their names, {', '.join(map(str, names))}. Received: "
            f"{', '.join(unknown) or 'features without a name'}."
        )
    if len(tensors) > 1 or not metadata.several:
        return metadata
    return dataclasses.replace(metadata, several=(), **_taken(metadata.several[0].takes))  # type: ignore[arg-type]


def said_of(metadata: Metadata, tensor: InputTensor, count: int) -> Metadata:
    """Return what is said of one of `count` inputs, as the record of a model that has no other."""
    if count == 1:
        return metadata
    named = {each.name: each.takes for each in metadata.several}
    takes = named.get(str(tensor.name), metadata.preprocessing if tensor.is_picture else None)
    return Metadata(titled(metadata.name, "input", tensor.name, several=True), **_taken(takes))  # type: ignore[arg-type]


def _taken(takes: Preprocessing | Features | None) -> dict[str, Preprocessing | Features | None]:
    """Return the fields of a record that say it."""
    features = isinstance(takes, Features)
    return {"preprocessing": None if features else takes, "features": takes if features else None}


def check_inputs(metadata: Metadata, input_shape: tuple[int, ...]) -> None:
    """See that features and preprocessing are made for the input.

    Raises:
        SepzooError: features of another shape, or a mean or deviation for another number of channels.
    """
    features, preprocessing = metadata.features, metadata.preprocessing
    if features is not None and features.shape != input_shape:
        raise SepzooError(f"{metadata.name}: expected features of shape {input_shape}. Received: {features.shape}.")
    for name in () if preprocessing is None else ("mean", "std"):
        numbers = getattr(preprocessing, name)
        if len(numbers) not in (1, input_shape[-1]):
            raise SepzooError(
                f"{metadata.name}: expected {name} of the pixels as one number, or one for each of its "
                f"{input_shape[-1]} channels. Received: {name}={numbers}."
            )
