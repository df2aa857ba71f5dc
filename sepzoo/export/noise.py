"""Random samples: enough to see whether a float file computes the same, and nothing more."""

from __future__ import annotations

import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.inference.classifier import Classifier
from sepzoo.records.inputs import Features
from sepzoo.records.sound import sixteen_bits

_COUNT = 16
_SEED = 0
_LOUD = 3000  # the deviation of noise, of samples of 16 bits


def noise(input_shape: tuple[int, ...], features: Features | None = None) -> Samples:
    """Return random samples of one input: of one that takes features of sound, clips of noise.

    Args:
        input_shape: of one sample.
        features: what the model takes instead of pixels; of an unknown range they are drawn from a normal distribution,
            whole numbers from 0 and 1.

    Example:
        >>> words = noise((20,), Features((20,), "int32", low=0, high=9999)).images
        >>> words.dtype.name, bool(words.min() >= 0)
        ('int32', True)
    """
    origin = "random pixels" if features is None else "random numbers"
    return Samples(_values(np.random.default_rng(_SEED), input_shape, features), None, origin=origin, seed=_SEED)


def noise_of(classifier: Classifier) -> Samples:
    """Return random samples of a model that says what it takes; of several inputs by their names, drawn apart."""
    if len(classifier.input_tensors) == 1:
        return noise(classifier.input_shape, classifier.metadata.features)
    random = np.random.default_rng(_SEED)
    images = {
        str(each.name): _values(random, each.shape, classifier.said_of(each.name).features)
        for each in classifier.input_tensors
    }
    return Samples(images, None, origin="random numbers", seed=_SEED)


def _values(random: np.random.Generator, input_shape: tuple[int, ...], features: Features | None) -> np.ndarray:
    shape = (_COUNT, *input_shape)
    if features is not None and features.sound is not None:
        return sixteen_bits(random.normal(0, _LOUD, (_COUNT, features.sound.samples)))
    if features is None:
        return random.integers(0, 256, shape, np.uint8)
    low, high = features.low, features.high
    if np.issubdtype(features.dtype, np.floating):
        values = random.normal(size=shape) if low is None or high is None else random.uniform(low, high, shape)
        return values.astype(features.dtype)
    return random.integers(int(low or 0), int(1 if high is None else high), shape, endpoint=True).astype(features.dtype)
