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


def noise(
    input_shape: tuple[int, ...], features: Features | None = None, *, count: int = _COUNT, alike: bool = False
) -> Samples:
    """Return random samples of one input: of one that takes features of sound, clips of noise.

    Args:
        input_shape: of one sample.
        features: what the model takes instead of pixels; of an unknown range they are drawn from normal distributions,
            whole numbers from 0 and 1.
        count: of samples.
        alike: draw all samples from one distribution. To a network that takes means these are all the same: it gives
            one answer, and so would a file that ignores its input. Otherwise each sample has a level and a spread of
            its own, in each channel (a loudness, where it is sound).

    Example:
        >>> words = noise((20,), Features((20,), "int32", low=0, high=9999)).images
        >>> words.dtype.name, bool(words.min() >= 0)
        ('int32', True)
    """
    origin = "random pixels" if features is None else "random numbers"
    values = _values(np.random.default_rng(_SEED), (count, *input_shape), features, alike)
    return Samples(values, None, origin=origin, seed=_SEED)


def noise_of(classifier: Classifier, *, alike: bool = False) -> Samples:
    """Return random samples of a model that says what it takes; of several inputs by their names, drawn apart."""
    if len(classifier.input_tensors) == 1:
        return noise(classifier.input_shape, classifier.metadata.features, alike=alike)
    random = np.random.default_rng(_SEED)
    images = {
        str(each.name): _values(random, (_COUNT, *each.shape), classifier.said_of(each.name).features, alike)
        for each in classifier.input_tensors
    }
    return Samples(images, None, origin="random numbers", seed=_SEED)


def _values(random: np.random.Generator, shape: tuple[int, ...], features: Features | None, alike: bool) -> np.ndarray:
    if features is None:
        return random.integers(0, 256, shape, np.uint8) if alike else _spread(random, shape, 0, 256).astype(np.uint8)
    if features.sound is not None:
        loudness = 1.0 if alike else random.uniform(0.1, 2.0, (shape[0], 1))
        return sixteen_bits(random.normal(0, loudness * _LOUD, (shape[0], features.sound.samples)))
    low, high = features.low, features.high
    if not np.issubdtype(features.dtype, np.floating):
        whole = random.integers(int(low or 0), int(1 if high is None else high), shape, endpoint=True)
        return whole.astype(features.dtype)
    if low is not None and high is not None:
        values = random.uniform(low, high, shape) if alike else _spread(random, shape, low, high)
        return values.astype(features.dtype)
    values = random.normal(size=shape)
    if not alike:
        own = _a_channel(shape)
        values = random.normal(size=own) + values * random.uniform(0.5, 1.5, own)
    return values.astype(features.dtype)


def _spread(random: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """Draw evenly from a part of the range, one for each channel of a sample."""
    lowest, highest = np.sort(random.uniform(low, high, (2, *_a_channel(shape))), axis=0)
    return random.uniform(lowest, highest, shape)


def _a_channel(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of one number for each channel of a sample, for each sample where it is a vector."""
    kept = {0, len(shape) - 1} if len(shape) > 2 else {0}
    return tuple(size if axis in kept else 1 for axis, size in enumerate(shape))
