"""Preprocessing inside the file: a network that takes pixels of 0 … 255 as 8 bits, or the samples of a clip."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from sepzoo.export.target import Embedding, Target
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.layers.graph import graph_of, maker
from sepzoo.layers.spectra import MFCC, LogMelSpectrogram
from sepzoo.records.inputs import Features, Input, Inputs
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Tensor

PIXELS = Embedding()
_SPECTRUM = ("rate", "window", "step", "fft", "bands", "low", "high", "scaled")


def require_embeddable(target: Target, classifier: Classifier) -> None:
    """See that a format can hold the preprocessing of a network's inputs.

    Raises:
        SepzooError: it rounds weights to 8 bits or less, and an input takes features of sound.
    """
    if target.rounds_from is not None and any(classifier.said_of(each.name).sound for each in classifier.input_tensors):
        raise SepzooError(
            f"{target.name}: expected a format with float weights, to make features of sound in the file. Received: "
            "one that would round the bands of the spectrum too. Take tflite:float32 or tflite:float16, or leave "
            "embed_preprocessing out."
        )


def embeds(target: Target, classifier: Classifier, *, asked: bool) -> bool:
    """Return whether a format makes the preprocessing of a network inside its file.

    It does so where it was asked to. A file whose input is 8-bit pixels has one step for all channels: of a network
    that takes them normalized each by its own, or in another order, it does so in any case.
    """
    said = {each: classifier.said_of(each.name) for each in classifier.input_tensors}
    if asked or not target.embedding.always or any(takes.sound for takes in said.values()):
        return asked
    pictures = {each: takes.preprocessing for each, takes in said.items() if takes.preprocessing is not None}
    return any(not preprocessing.fits_integers(each.shape[-1]) for each, preprocessing in pictures.items())


def with_preprocessing(classifier: KerasClassifier, embedding: Embedding = PIXELS) -> KerasClassifier:
    """Return the classifier of a network that takes uint8 pixels, or clips, where the given one takes what they become.

    Resizing and cropping stay outside: the pixels are of the input's size. So do resampling and cutting: clips are
    floats of -1 … 1, of the rate and length that the network's record says. Inputs of other features stay as they are.

    Args:
        classifier: the network, saying what its inputs take; it is only read.
        embedding: how the format has it.

    Raises:
        SepzooError: no input takes pixels or features of sound.

    Example:
        >>> from sepzoo.inference.keras_model import from_model
        >>> source = keras.Input((4, 4, 3))
        >>> model = keras.Model(source, keras.layers.GlobalAveragePooling2D()(source))
        >>> inside = with_preprocessing(from_model(model, preprocessing=Preprocessing(mean=(0.0,), std=(255.0,))))
        >>> inside.input_tensors[0].dtype, inside.preprocessing.mean, inside.preprocessing.std
        ('uint8', (0.0,), (1.0,))
    """
    graph = graph_of(classifier.model)
    sources, values, tensors = [], [], []
    takes: dict[str, Inputs] = {}
    for each, given in zip(classifier.input_tensors, graph.inputs, strict=True):
        said, name = classifier.said_of(each.name), maker(given).name
        source = value = keras.Input(given.shape[1:], dtype=given.dtype, name=name)
        if said.preprocessing is not None:
            source = keras.Input(given.shape[1:], dtype=embedding.pixels, name=name)
            value = _normalized(source, said.preprocessing, name, depthwise=embedding.depthwise)
            takes[str(each.name)] = dataclasses.replace(
                said.preprocessing, mean=(0.0,), std=(1.0,), channel_order="rgb"
            )
        elif said.sound is not None and said.sound.kind != "waveform":
            source = keras.Input((said.sound.samples,), dtype="float32", name=name)
            value = _heard(source, said.sound, name)
            waveform = dataclasses.replace(said.sound, kind="waveform")
            takes[str(each.name)] = Features(waveform.shape, low=-1.0, high=1.0, sound=waveform)
        sources.append(source)
        values.append(value)
        tensors.append(dataclasses.replace(each, shape=tuple(source.shape[1:]), dtype=source.dtype))
    if not takes:
        raise SepzooError(
            f"expected a model that takes pixels or features of sound, to put what makes them into the file. Received: "
            f"{classifier.name!r}, which takes other features. Leave embed_preprocessing out."
        )
    outputs = classifier.model(keras.tree.pack_sequence_as(graph.input, values))
    inputs = keras.tree.pack_sequence_as(graph.input, sources)
    metadata = classifier.metadata
    several = tuple(Input(one.name, takes.get(one.name, one.takes)) for one in metadata.several)
    whole = {"preprocessing": metadata.preprocessing} if len(tensors) > 1 else _taken(next(iter(takes.values())))
    return dataclasses.replace(
        classifier,
        model=keras.Model(inputs, outputs, name=classifier.model.name),
        metadata=dataclasses.replace(metadata, several=several, **whole),
        input_tensors=tuple(tensors),
        input_shape=tensors[0].shape if len(tensors) == 1 else (),
    )


def _taken(takes: Inputs) -> dict[str, Inputs | None]:
    """Return the fields of the record of a model of one input."""
    features = isinstance(takes, Features)
    return {"preprocessing": None if features else takes, "features": takes if features else None}


def _heard(clip: Tensor, sound: Sound, name: str) -> Tensor:
    """Return what a network takes of clips, as `Sound.normalize` has it."""
    fields = {each: getattr(sound, each) for each in _SPECTRUM}
    if sound.kind == "mfcc":
        values = MFCC(coefficients=sound.coefficients, name=f"{name}_mfcc", **fields)(clip)
    else:
        values = LogMelSpectrogram(name=f"{name}_log_mel", **fields)(clip)
    return keras.layers.Reshape(sound.shape, name=f"{name}_features")(values)


def _normalized(pixels: Tensor, preprocessing: Preprocessing, name: str, *, depthwise: bool) -> Tensor:
    """Return what a network takes of pixels, as `Preprocessing.normalize` has it."""
    channels, values = pixels.shape[-1], pixels
    if values.dtype != "float32":
        values = keras.layers.Rescaling(1.0, dtype="float32", name=f"{name}_as_float")(pixels)
    order = preprocessing.in_order(np.arange(channels)).tolist()
    if order != sorted(order):
        values = keras.ops.take(values, order, axis=-1)
    mean, std = ([*numbers] * (channels // len(numbers)) for numbers in (preprocessing.mean, preprocessing.std))
    scale, offset = [1 / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)]
    if not depthwise:
        return keras.layers.Rescaling(scale, offset, dtype="float32", name=f"{name}_normalized")(values)
    layer = keras.layers.DepthwiseConv2D(1, dtype="float32", name=f"{name}_normalized")
    normalized = layer(values)
    layer.set_weights([np.reshape(scale, (1, 1, channels, 1)), np.array(offset)])
    return normalized
