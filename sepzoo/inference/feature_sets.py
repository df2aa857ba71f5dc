"""Arrays of features for a model, whatever holds them: a file, or a set of TensorFlow Datasets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sepzoo.data.opening import has_pictures, open_features
from sepzoo.data.samples import Samples
from sepzoo.inference.features import feature_samples, names_features
from sepzoo.inference.tensors import InputTensor
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError

_PICTURE_AXES = 3


def is_feature_set(data: str, inputs: Sequence[InputTensor], *, sound: Sound | None = None) -> bool:
    """Return whether a model takes arrays out of a data set, not pictures or clips of sound.

    It does where the set holds no picture, or the model takes none: one of several inputs, or of other axes than a
    picture. One that says how sound becomes its features takes clips of a data set.

    Args:
        data: as `samples_of` takes it, or what `open_source` or `open_sounds` opens.
        inputs: of the model.
        sound: that it takes.

    Raises:
        SepzooError: no such data set.

    Example:
        >>> is_feature_set("windows.npz", [InputTensor("x", (49, 10))]), is_feature_set("digits", [])
        (True, False)
    """
    if names_features(data):
        return True
    if sound is not None:
        return False
    takes_pictures = len(inputs) == 1 and len(inputs[0].shape) == _PICTURE_AXES
    pictures = has_pictures(data)
    return pictures is not None and not (pictures and takes_pictures)


def samples_of(
    data: str,
    inputs: Sequence[InputTensor],
    *,
    split: str | None = None,
    count: int | None = None,
    seed: int = 0,
    padded: bool = False,
) -> Samples:
    """Return arrays for the inputs of a model.

    Args:
        data: an `.npy`, `.npz`, `.ts` or CSV file, or the name of a TFDS set, also as `tfds:NAME`.
        inputs: of the model; the names of several are those of arrays or features.
        split: of a TFDS set.
        count: so many, drawn by chance; None: all, in their order.
        seed: decides which.
        padded: whether the model takes series that are shorter than its input, with zeros behind them.

    Raises:
        SepzooError: see `feature_samples` and `sepzoo.data.open_features`; a split of a file.
    """
    names = [str(each.name) for each in inputs]
    if not names_features(data):
        return open_features(data, split=split, inputs=names, count=count, seed=seed)
    if split is not None:
        raise SepzooError(f"expected no --split beside a file of features. Received: {data}, --split {split}.")
    steps = inputs[0].shape[0] if padded else None
    samples = feature_samples(data, names if len(names) > 1 else (), steps=steps)
    if count is None:
        return samples
    return samples.taken(np.random.default_rng(seed).permutation(len(samples))[:count], seed=seed)
