"""Preprocessing inside the file: a network that takes pixels of 0 … 255, or the samples of a clip."""

from __future__ import annotations

import dataclasses

import keras

from sepzoo.export.pixel_layers import normalized
from sepzoo.export.target import PixelInputs, Target
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.layers.graph import graph_of, maker
from sepzoo.layers.spectra import MFCC, LogMelSpectrogram
from sepzoo.records.inputs import Features, Input, Inputs
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Tensor
from sepzoo.surgery.exact.rounding_layers import rounds

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


@dataclasses.dataclass(frozen=True)
class Embedding:
    """What goes into a file beside the network.

    Attributes:
        inputs: names of the inputs whose preprocessing does.
        pixels: how the file takes those of them that are pictures.
    """

    inputs: frozenset[str]
    pixels: PixelInputs


def embedding_of(target: Target, classifier: Classifier, *, asked: bool) -> Embedding | None:
    """Return what goes into a file of a format beside the network; None: nothing.

    Unasked that is the normalization of pixels whose numbers integers with one scale and one zero point can't be, where
    the format's integers are to be plain pixels.

    Args:
        target: the format.
        classifier: the network, saying what its inputs take.
        asked: whether somebody wants all preprocessing inside.

    Raises:
        SepzooError: that is wanted, and no input takes pixels or features of sound.
    """
    found = []
    for each in classifier.input_tensors:
        said = classifier.said_of(each.name)
        heard = said.sound is not None and said.sound.kind != "waveform"
        if said.preprocessing is None:
            wanted = asked and heard
        else:
            wanted = asked or (target.pixels.always and not said.preprocessing.fits_integers(each.shape[-1]))
        if wanted:
            found.append(str(each.name))
    if asked and not found:
        raise SepzooError(
            f"expected a model that takes pixels or features of sound, to put what makes them into the file. Received: "
            f"{classifier.name!r}, which takes other features. Leave embed_preprocessing out."
        )
    return Embedding(frozenset(found), target.pixels) if found else None


def with_preprocessing(classifier: KerasClassifier, embedding: Embedding) -> KerasClassifier:
    """Return the classifier of a network that takes pixels, or clips, where the given one takes what they become.

    Resizing and cropping stay outside: the pixels are of the input's size. So do resampling and cutting: clips are
    floats of -1 … 1, of the rate and length that the network's record says. Other inputs stay as they are.

    Args:
        classifier: the network, saying what its inputs take; it is only read.
        embedding: what goes in.

    Example:
        >>> from sepzoo.inference.keras_model import from_model
        >>> from sepzoo.records.preprocessing import Preprocessing
        >>> source = keras.Input((4, 4, 3), name="photo")
        >>> model = keras.Model(source, keras.layers.GlobalAveragePooling2D()(source))
        >>> classifier = from_model(model, preprocessing=Preprocessing(mean=(0.0,), std=(255.0,)))
        >>> inside = with_preprocessing(classifier, Embedding(frozenset({"photo"}), PixelInputs()))
        >>> inside.input_tensors[0].dtype, inside.preprocessing.mean, inside.preprocessing.std
        ('uint8', (0.0,), (1.0,))
    """
    graph, keeps_steps = graph_of(classifier.model), rounds(classifier.model)
    sources, values, tensors = [], [], []
    takes: dict[str, Inputs] = {}
    for each, given in zip(classifier.input_tensors, graph.inputs, strict=True):
        said, name = classifier.said_of(each.name), maker(given).name
        source = value = keras.Input(given.shape[1:], dtype=given.dtype, name=name)
        if str(each.name) not in embedding.inputs:
            pass
        elif said.preprocessing is not None:
            source = keras.Input(given.shape[1:], dtype=embedding.pixels.dtype, name=name)
            value = normalized(source, said.preprocessing, rounds=embedding.pixels.rounds, keeps_steps=keeps_steps)
            takes[str(each.name)] = dataclasses.replace(
                said.preprocessing, mean=(0.0,), std=(1.0,), channel_order="rgb"
            )
        elif said.sound is not None:
            source = keras.Input((said.sound.samples,), dtype="float32", name=name)
            value = _heard(source, said.sound, name)
            waveform = dataclasses.replace(said.sound, kind="waveform")
            takes[str(each.name)] = Features(waveform.shape, low=-1.0, high=1.0, sound=waveform)
        sources.append(source)
        values.append(value)
        tensors.append(dataclasses.replace(each, shape=tuple(source.shape[1:]), dtype=source.dtype))
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
