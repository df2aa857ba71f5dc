"""Samples that a caller gives: with their origin and labels, or mere arrays."""

from __future__ import annotations

from collections.abc import Mapping

from sepzoo.data.samples import Samples, require_samples
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.pixel_range import pixels_in_range
from sepzoo.support.types import Arrays
from sepzoo.surgery.walk.model_inputs import array_of, model_inputs

_ORIGIN = "an array"


def as_samples(classifier: KerasClassifier, given: Samples | Arrays, purpose: str) -> Samples:
    """Return what was given for a purpose as samples that a network can be run on.

    Args:
        classifier: the network, with what was said of its inputs.
        given: samples; or an array as the network takes it, (n, ...), of several inputs a dictionary of them by name.
            Where the network says how pixels, or the samples of sound, become its input, it takes those.
        purpose: a verb, for errors.

    Raises:
        SepzooError: no sample, values that are no finite real numbers, pixels that were divided by 255, or an array
            that the network does not take.

    Example:
        >>> import keras
        >>> from sepzoo.inference.keras_model import from_model
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> as_samples(from_model(model), [[1, 2], [3, 4]], "calibrate").images.dtype.name
        'float32'
    """
    if isinstance(given, Samples):
        return pixels_in_range(classifier, require_samples(given, purpose))
    said = [classifier.said_of(tensor.name) for tensor in classifier.input_tensors]
    if any(each.preprocessing is not None or each.sound is not None for each in said):
        title = repr(classifier.name)
        if isinstance(given, Mapping):
            arrays: Arrays = {name: array_of(each, f"{title}, input {name!r}") for name, each in given.items()}
        else:
            arrays = array_of(given, title)
        return pixels_in_range(classifier, require_samples(Samples(arrays, None, origin=_ORIGIN, seed=0), purpose))
    found = model_inputs(classifier.model, given).arrays
    by_name = {str(each.name): array for each, array in zip(classifier.input_tensors, found, strict=True)}
    return Samples(by_name if len(found) > 1 else found[0], None, origin=_ORIGIN, seed=0)
