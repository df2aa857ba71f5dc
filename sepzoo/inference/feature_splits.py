"""Files of features or series as data sets with splits: the files of one name that end in TRAIN, TEST, VALIDATION."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sepzoo.data.feature_source import FeatureSource
from sepzoo.data.samples import Samples
from sepzoo.data.split import VALIDATION_NAMES, Split
from sepzoo.inference.features import feature_samples, names_features
from sepzoo.support.errors import SepzooError, unknown

_TRAIN = re.compile(r"(.*?)(train)", re.IGNORECASE)


def feature_splits(data: str) -> dict[str, Path]:
    """Return the files of a data set by their splits.

    Of a file whose name ends in `train` (in letters of either kind) the others are those of the same name that end in
    `test`, and in `validation`, `val` or `valid`; any other file is a split `train` alone.

    Raises:
        SepzooError: it is no file of features or series.

    Example:
        >>> feature_splits("GunPoint_TRAIN.ts")
        {'train': PosixPath('GunPoint_TRAIN.ts')}
    """
    path = Path(data).expanduser()
    if not names_features(path):
        raise SepzooError(
            f"expected a file of series: .ts, .npz, or .csv whose first column is series. Received: {data}."
        )
    match = _TRAIN.fullmatch(path.stem)
    if match is None:
        return {"train": path}
    names = [name.upper() if match[2].isupper() else name for name in (*VALIDATION_NAMES, "test")]
    others = {name.lower(): path.with_name(f"{match[1]}{name}{path.suffix}") for name in names}
    return {"train": path, **{name: other for name, other in others.items() if other.is_file()}}


def open_feature_split(data: str, *, split: str = "train", steps: int | None = None) -> FeatureSource:
    """Return the labelled samples of a split, or of a slice of it, which holds its share of every class.

    Class numbers without names are called by their numbers.

    Args:
        data: see `feature_splits`.
        split: one of these, or a slice in percent.
        steps: shorter series are followed by zeros up to so many; None: all must have one length.

    Raises:
        SepzooError: no such file or split, no labels, or series of several lengths.
    """
    files, part = feature_splits(data), Split.parse(split)
    if part.name not in files:
        raise unknown(f"split of {data}", part.name, files)
    samples = feature_samples(files[part.name], steps=steps)
    features, labels = _labelled(samples)
    names = samples.class_names or tuple(map(str, range(int(labels.max(initial=0)) + 1)))
    chosen = part.indices(labels)
    return FeatureSource(features[chosen], labels[chosen], names, name=f"{files[part.name].stem} {split}")


def _labelled(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    features, labels = samples.images, samples.labels
    if labels is None or not isinstance(features, np.ndarray):
        raise SepzooError(
            f"{samples.origin}: expected one array of features, and labels beside it. Received: "
            f"{'no labels' if labels is None else 'several arrays'}. Write both: numpy.savez(path, inputs=…, labels=…)."
        )
    return features, labels
