"""The images, or features, that an export calibrates and checks on."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np

from sepzoo.data.opening import open_sounds, open_source, split_names
from sepzoo.data.samples import Samples, draw_samples
from sepzoo.data.source import Source
from sepzoo.data.split import SplitChoice, choose_splits
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.evaluation import with_own_labels
from sepzoo.inference.feature_sets import is_feature_set, samples_of
from sepzoo.inference.features import names_features
from sepzoo.support.errors import SepzooError

CALIBRATION_COUNT = 200
CHECK_COUNT = 1000


@dataclasses.dataclass(frozen=True)
class ExportSamples:
    """What an export looks at.

    Attributes:
        calibration: images of the training split; they set the ranges of integers.
        check: held-out images, of the test split where there is one, on which file and model are compared.
    """

    calibration: Samples
    check: Samples


def default_splits(data: str) -> SplitChoice:
    """Return what a recipe that names no splits would train, validate and test on.

    Raises:
        SepzooError: no such data set.

    Example:
        >>> default_splits("digits").test
        'test'
    """
    return choose_splits(split_names(data))


def held_out_split(data: str) -> str:
    """Return the split that nothing is trained on: the test split, else the part of the training split held out of it.

    Raises:
        SepzooError: no such data set.

    Example:
        >>> held_out_split("digits")
        'test'
    """
    splits = default_splits(data)
    return splits.test or splits.validation


def open_split(classifier: Classifier, data: str, split: str) -> Source:
    """Open a split of a data set as a network wants its images: their size, channels and crop; or its clips of sound.

    Raises:
        SepzooError: no such data set or split, or a network that takes no pictures, or does not say how pixels become
            its input.
    """
    if classifier.sound is not None:
        return open_sounds(data, split=split, sound=classifier.sound)
    classifier.require_pictures()
    preprocessing = classifier.require_preprocessing()
    height, width, channels = classifier.input_shape
    return open_source(
        data,
        split=split,
        image_size=(height, width),
        channels=channels,
        crop_fraction=preprocessing.crop_fraction,
        interpolation=preprocessing.interpolation,
    )


def samples_of_data(
    classifier: Classifier, data: str, *, count: int = CALIBRATION_COUNT, seed: int = 0
) -> ExportSamples:
    """Draw samples from the data set of a name.

    Args:
        classifier: the network, whose size, channels and crop the images get.
        data: `digits`, a folder of class folders, a TFDS name (of images, or of arrays for what takes no pictures), or
            an `.npy`, `.npz`, `.ts` or CSV file of features or series.
        count: images to calibrate on.
        seed: decides which.

    Raises:
        SepzooError: see `open_split`, `split_features` and `sepzoo.data.open_features`.
    """
    inputs = classifier.input_tensors
    if names_features(data):
        drawn = split_features(samples_of(data, inputs, padded=classifier.metadata.padded), count=count, seed=seed)
        return dataclasses.replace(drawn, check=_labelled(classifier, drawn.check))
    splits = default_splits(data).train, held_out_split(data)
    if is_feature_set(data, inputs, sound=classifier.sound):
        calibration, check = (
            samples_of(data, inputs, split=split, count=most, seed=seed)
            for split, most in zip(splits, (count, CHECK_COUNT), strict=True)
        )
        return ExportSamples(calibration=calibration, check=_labelled(classifier, check))
    train, held_out = (open_split(classifier, data, split) for split in splits)
    return draw_export_samples(classifier, train, held_out, count=count, seed=seed)


def split_features(samples: Samples, *, count: int = CALIBRATION_COUNT, seed: int = 0) -> ExportSamples:
    """Draw `count` samples of one file to calibrate on, half of them at most, and of the others 1,000 to check on.

    Raises:
        SepzooError: fewer than two samples.

    Example:
        >>> windows = Samples(np.zeros((50, 640), "float32"), None, origin="windows.npy", seed=0)
        >>> split = split_features(windows, count=20)
        >>> len(split.calibration), len(split.check)
        (20, 30)
    """
    if len(samples) < 2:
        raise SepzooError(
            f"{samples.origin}: expected two samples or more, to calibrate and to check on. Received: {len(samples)}."
        )
    order = np.random.default_rng(seed).permutation(len(samples))
    count = min(count, len(order) // 2)
    calibration, check = (
        dataclasses.replace(samples.taken(chosen), seed=seed)
        for chosen in (order[:count], order[count : count + CHECK_COUNT])
    )
    return ExportSamples(calibration=calibration, check=check)


def draw_export_samples(
    classifier: Classifier, train: Source, held_out: Source, *, count: int = CALIBRATION_COUNT, seed: int = 0
) -> ExportSamples:
    """Draw `count` images to calibrate on and at most 1,000 to check on.

    Where the data has other classes than the network there are no labels to check on; a warning says so.
    """
    check = dataclasses.replace(draw_samples(held_out, CHECK_COUNT, seed), class_names=held_out.class_names)
    return ExportSamples(calibration=draw_samples(train, count, seed), check=_labelled(classifier, check))


def _labelled(classifier: Classifier, samples: Samples) -> Samples:
    """Return samples with the numbers of the network's classes; without any, and a warning, where they aren't its."""
    if not any(output.scores for output in classifier.outputs):
        return dataclasses.replace(samples, labels=None)
    try:
        return with_own_labels(classifier, samples)
    except SepzooError as problem:
        warnings.warn(f"no accuracy will be measured: {problem}", stacklevel=3)
        return dataclasses.replace(samples, labels=None)
