"""Random changes of training clips and of their features, in NumPy, decided by the given random numbers alone."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sepzoo.records.sound import FULL_SCALE, Sound, sixteen_bits

_Masks = Annotated[int, Field(ge=0, le=100)]
_Width = Annotated[int, Field(ge=0)]


class SoundAugmentation(BaseModel):
    """What happens to a training clip, in this order: shift and noise, then, on its features, masks.

    Attributes:
        shift: seconds by which a clip is moved at most, earlier or later; silence comes in.
        noise: largest deviation of the white noise that is added, as a share of the full scale; each clip gets one
            between 0 and that.
        time_masks: blocks of neighbouring frames that get the mean of the clip's features (SpecAugment, Park et al.
            2019, arXiv 1904.08779, without its warping).
        time_width: frames of such a block, at most.
        frequency_masks: likewise, of neighbouring bands or coefficients.
        frequency_width: bands or coefficients of such a block, at most.

    Example:
        >>> augmentation = SoundAugmentation(shift=0.1, time_masks=1, time_width=10)
        >>> clips = np.zeros((2, 16000), "int16")
        >>> augmentation(clips, Sound(), np.random.default_rng(0)).shape
        (2, 49, 10, 1)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shift: Annotated[float, Field(ge=0, le=10)] = 0.0
    noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    time_masks: _Masks = 0
    time_width: _Width = 0
    frequency_masks: _Masks = 0
    frequency_width: _Width = 0

    def __call__(self, clips: np.ndarray, sound: Sound, random: np.random.Generator) -> np.ndarray:
        """Return the features of changed int16 clips (n, samples), float32 (n, *sound.shape)."""
        if self.shift:
            clips = random_shift(clips, round(self.shift * sound.rate), random)
        if self.noise:
            clips = random_noise(clips, self.noise * FULL_SCALE, random)
        features = sound.normalize(clips)
        if self.time_masks:
            features = random_masks(features, 1, self.time_masks, self.time_width, random)
        if self.frequency_masks and features.ndim > 2:
            features = random_masks(features, 2, self.frequency_masks, self.frequency_width, random)
        return features


def random_shift(clips: np.ndarray, most: int, random: np.random.Generator) -> np.ndarray:
    """Return the clips, each moved by -most … most samples, with silence where nothing comes from."""
    samples = clips.shape[1]
    most = min(most, samples)
    padded = np.pad(clips, ((0, 0), (most, most)))
    starts = random.integers(2 * most + 1, size=len(clips))
    return np.stack([clip[start : start + samples] for clip, start in zip(padded, starts, strict=True)])


def random_noise(clips: np.ndarray, most: float, random: np.random.Generator) -> np.ndarray:
    """Return int16 clips with white noise of a deviation between 0 and `most`, another one each."""
    deviations = random.uniform(0, most, size=(len(clips), 1))
    return sixteen_bits(clips + deviations * random.standard_normal(clips.shape))


def random_masks(features: np.ndarray, axis: int, count: int, width: int, random: np.random.Generator) -> np.ndarray:
    """Return features with `count` blocks of 0 … `width` places along an axis set to each clip's own mean."""
    size = features.shape[axis]
    widths = random.integers(min(width, size) + 1, size=(len(features), count))
    starts = random.integers(size - widths + 1)
    places = np.arange(size)
    masked = ((places >= starts[..., None]) & (places < (starts + widths)[..., None])).any(axis=1)
    shape = [1] * features.ndim
    shape[0], shape[axis] = masked.shape
    means = features.mean(axis=tuple(range(1, features.ndim)), keepdims=True)
    return np.where(masked.reshape(shape), means, features)
