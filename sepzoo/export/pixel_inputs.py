"""Preprocessing inside the file: a network that takes pixels of 0 … 255 as 8 bits, and normalizes them itself."""

from __future__ import annotations

import dataclasses

import keras

from sepzoo.export.target import Target
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.layers.graph import graph_of, maker
from sepzoo.records.inputs import Input
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Tensor

_ORDERS = {3: [2, 1, 0], 4: [2, 1, 0, 3]}
"""Channels -> where those of a network that wants blue first come from."""


def embeds(target: Target) -> bool:
    """Return whether a format takes pixels by what this module does: integer TFLite files do so by themselves."""
    return not (target.name.startswith("tflite:") and target.calibrated)


def with_pixels(classifier: KerasClassifier) -> KerasClassifier:
    """Return the classifier of a network that takes uint8 pixels where the given one takes normalized ones.

    Resizing and cropping stay outside: the pixels are of the input's size. Inputs of features stay as they are.

    Args:
        classifier: the network, saying what its inputs take; it is only read.

    Raises:
        SepzooError: no input takes pixels.

    Example:
        >>> from sepzoo.inference.keras_model import from_model
        >>> source = keras.Input((4, 4, 3))
        >>> model = keras.Model(source, keras.layers.GlobalAveragePooling2D()(source))
        >>> inside = with_pixels(from_model(model, preprocessing=Preprocessing(mean=(0.0,), std=(255.0,))))
        >>> inside.input_tensors[0].dtype, inside.preprocessing.mean, inside.preprocessing.std
        ('uint8', (0.0,), (1.0,))
    """
    graph = graph_of(classifier.model)
    sources, values, tensors, takes = [], [], [], {}
    for each, given in zip(classifier.input_tensors, graph.inputs, strict=True):
        preprocessing = classifier.said_of(each.name).preprocessing
        dtype = given.dtype if preprocessing is None else "uint8"
        source = keras.Input(given.shape[1:], dtype=dtype, name=maker(given).name)
        sources.append(source)
        values.append(source if preprocessing is None else _normalized(source, preprocessing, source.name))
        tensors.append(each if preprocessing is None else dataclasses.replace(each, dtype="uint8"))
        if preprocessing is not None:
            takes[str(each.name)] = dataclasses.replace(preprocessing, mean=(0.0,), std=(1.0,), channel_order="rgb")
    if not takes:
        raise SepzooError(
            f"expected a model that takes pixels, to put their normalization into the file. Received: "
            f"{classifier.name!r}, which takes features. Leave embed_preprocessing out."
        )
    outputs = classifier.model(keras.tree.pack_sequence_as(graph.input, values))
    inputs = keras.tree.pack_sequence_as(graph.input, sources)
    metadata = classifier.metadata
    several = tuple(Input(one.name, takes.get(one.name, one.takes)) for one in metadata.several)
    whole = metadata.preprocessing if len(tensors) > 1 else next(iter(takes.values()))
    return dataclasses.replace(
        classifier,
        model=keras.Model(inputs, outputs, name=classifier.model.name),
        metadata=dataclasses.replace(metadata, preprocessing=whole, several=several),
        input_tensors=tuple(tensors),
    )


def _normalized(pixels: Tensor, preprocessing: Preprocessing, name: str) -> Tensor:
    """Return what a network takes of pixels, as `Preprocessing.normalize` has it."""
    channels = pixels.shape[-1]
    values = keras.layers.Rescaling(1.0, dtype="float32", name=f"{name}_as_float")(pixels)
    if preprocessing.channel_order == "bgr" and channels in _ORDERS:
        values = keras.ops.take(values, _ORDERS[channels], axis=-1)
    mean, std = ([*numbers] * (channels // len(numbers)) for numbers in (preprocessing.mean, preprocessing.std))
    scale, offset = [1 / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)]
    return keras.layers.Rescaling(scale, offset, dtype="float32", name=f"{name}_normalized")(values)
