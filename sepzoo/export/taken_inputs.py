"""What a model's inputs take, where nobody said and it is certain: features; and samples in the form that it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.export.comparison import origin_of
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.features import as_features
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.pictures import seen_pixels
from sepzoo.inference.several_inputs import data_by_name
from sepzoo.inference.tensors import InputTensor
from sepzoo.layers.embedded_inputs import only_looked_up, require_rows, rows_looked_up
from sepzoo.layers.graph import graph_of
from sepzoo.records.inputs import Features, Input, Inputs
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Arrays

DRAW = "Pass samples of {}: an array of some hundred, or sepzoo.data.draw_samples(source, count=200)"


def saying_inputs(classifier: KerasClassifier, samples: Samples | None) -> KerasClassifier:
    """Return the classifier of a model that says what each of its inputs takes.

    One that nobody said and that is no image takes features, which is certain; so does one whose samples are no pixels.

    Raises:
        SepzooError: an input that may take an image, and nobody says how pixels become it.
    """
    images = {} if samples is None else _by_name(classifier, samples)
    found: dict[str, Inputs] = {}
    for each, tensor in zip(classifier.input_tensors, graph_of(classifier.model).inputs, strict=True):
        said = classifier.said_of(each.name)
        given = images.get(str(each.name))
        found[str(each.name)] = said.inputs or _features(
            said.name, each, rows_looked_up(classifier.model, tensor), given
        )
    several = tuple(Input(name, takes) for name, takes in found.items())
    return dataclasses.replace(classifier, metadata=dataclasses.replace(classifier.metadata, several=several))


def _features(name: str, tensor: InputTensor, ids: int | None, given: Arrays | None) -> Features:
    if len(tensor.shape) == 3 and getattr(given, "dtype", np.uint8) == np.uint8:
        raise SepzooError(
            f"expected a model that says how pixels become its input. Received: {name!r} without. Pass "
            "preprocessing=Preprocessing(mean=..., std=...) (on the command line: --preprocessing; as_they_are, where "
            "it normalizes them itself), or an array as it takes it."
        )
    if ids is not None:
        return Features(tensor.shape, tensor.dtype, low=0, high=max(ids - 1, 1))
    return Features(tensor.shape, tensor.dtype)


def calibration_values(model: Classifier, samples: Samples, ready: keras.Model) -> dict[str, np.ndarray]:
    """Return samples as the prepared network takes them, by the names of its inputs.

    Of pictures the first one gets a black and a white pixel: so the input's range is that of all pixels, whatever the
    samples hold, and an integer input takes the pixels as they are.

    Args:
        model: the network.
        samples: to calibrate on.
        ready: the prepared network, whose inputs are in the order of the model's.

    Raises:
        SepzooError: all samples hold one colour, or one number: ranges that come from them would be none; or a number
            that an embedding has no row for.
    """
    given = _by_name(model, samples)
    values = {}
    for tensor, each in zip(ready.inputs, model.input_tensors, strict=True):
        # A mask may be true everywhere beside another input, and all words of one segment: neither gets a range.
        ranged = len(given) == 1 or not (each.dtype == "bool" or only_looked_up(ready, tensor))
        values[tensor.name] = _one_input(model, each, given[str(each.name)], samples, ranged).astype(tensor.dtype)
    require_rows(ready, values.values())
    return values


def _by_name(model: Classifier, samples: Samples) -> Mapping[str, Arrays]:
    """Return the samples of each input by its name."""
    if len(model.input_tensors) == 1:
        return {str(model.input_tensors[0].name): samples.images}
    return data_by_name(samples.images, model.input_tensors, model.name)


def _one_input(model: Classifier, tensor: InputTensor, data: Arrays, samples: Samples, ranged: bool) -> np.ndarray:
    said, name = model.said_of(tensor.name), () if len(model.input_tensors) == 1 else (tensor.name,)
    features = as_features(data, said, tensor.shape)
    values = np.concatenate(list(seen_pixels(data, said, tensor, len(samples)))) if features is None else features
    if (ranged and (values == values.flat[0]).all()) or (features is None and (values == values[:1, :1, :1]).all()):
        where = f" for input {tensor.name!r}" if name else ""
        raise SepzooError(
            f"expected samples that differ to calibrate on. Received: {origin_of(samples)}, all of one "
            f"{'colour' if features is None else 'number'}{where}. {DRAW.format('the training data')}."
        )
    if features is not None:
        return model.encode(features, *name)
    values[0, 0, 0], values[0, 0, -1] = 0, 255
    return model.prepare(values, *name)
