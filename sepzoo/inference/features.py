"""Features instead of pictures: arrays that a network takes as they are."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path

import numpy as np

from sepzoo.artifact.inspection.checking import check
from sepzoo.artifact.model_format import content_of
from sepzoo.data.samples import Samples, holds_numbers
from sepzoo.data.series import names_series, read_series
from sepzoo.inference.clips import as_clips
from sepzoo.records.metadata import Metadata
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.regular_file import why_unreadable

SUFFIXES = (".npy", ".npz")

_IMAGE_AXES = 3
_LABELS = ("labels", "y")
_PART = re.compile(r"(^|_)(train|val|valid|validation|test)(_|$)", re.IGNORECASE)


def as_features(data: object, metadata: Metadata, input_shape: tuple[int, ...]) -> np.ndarray | None:
    """Return data as features (n, *input_shape), or None where they are pictures.

    They are features where the network says so, where no picture has as many axes as its input, or where floating
    numbers come to a network that does not say how pixels become its input.

    Args:
        data: an array, or the path of an `.npy` or `.npz` file or of a file of series; where the network says how sound
            becomes features, also clips or paths of WAV files (see `sepzoo.inference.clips.as_clips`). Anything else is
            pictures.
        metadata: what the network says.
        input_shape: of one sample.

    Raises:
        SepzooError: an unreadable file, or features of another shape.
    """
    if metadata.preprocessing is not None:
        return None
    if isinstance(data, str | os.PathLike) and names_features(data):
        data = load_features(data, steps=input_shape[0] if metadata.padded else None)
    if isinstance(data, Mapping):
        data = only_array(data, metadata.name)
    clips = None if metadata.sound is None else as_clips(data, metadata.sound)
    if clips is not None and metadata.sound is not None:
        return metadata.sound.normalize(clips)
    if not isinstance(data, np.ndarray):
        if metadata.features is None:
            return None
        raise SepzooError(
            f"{metadata.name}: expected an array of features, or an .npy or .npz file. Received: {_named(data)}."
        )
    if input_shape == (1,) and data.ndim == 1:  # a column of a table
        data = data[:, None]
    said = metadata.features is not None or len(input_shape) != _IMAGE_AXES
    pixels = data.dtype == np.uint8 or (data.ndim == 1 + _IMAGE_AXES and not np.issubdtype(data.dtype, np.floating))
    if not said and pixels:
        return None
    if data.shape[1:] != input_shape or not holds_numbers(data.dtype):
        raise SepzooError(
            f"{metadata.name}: expected features of shape {('n', *input_shape)}. Received: {data.dtype} of shape "
            f"{data.shape}."
        )
    return data


def names_features(data: str | os.PathLike[str]) -> bool:
    """Return whether data is the path of a file of arrays or of series, by its suffix or its content.

    Example:
        >>> names_features("windows.NPZ"), names_features("cifar10")
        (True, False)
    """
    path = Path(data)
    if path.suffix.lower() in SUFFIXES or names_series(path):
        return True
    return path.is_file() and content_of(path) in SUFFIXES


def load_features(path: str | os.PathLike[str], *, steps: int | None = None) -> np.ndarray:
    """Return the array of an `.npy` file, that of an `.npz` file that is not its labels, or the series of a file.

    Args:
        path: of the file.
        steps: see `feature_samples`.

    Raises:
        SepzooError: no such file, a damaged one, pickled objects, an `.npz` file with several arrays, or series of
            several lengths.
    """
    if names_series(path):
        return np.asarray(read_series(path, steps=steps).images)
    return only_array(_arrays(Path(path))[0], str(path))


def feature_samples(path: str | os.PathLike[str], inputs: Sequence[str] = (), *, steps: int | None = None) -> Samples:
    """Return the features of a file as samples, with the class numbers that an `.npz` file holds as `labels` or `y`.

    Series come from `.ts` files too, with their classes, and from CSV files whose first column is `series`; see
    `sepzoo.data.ts_file` and `sepzoo.data.series_csv`.

    Args:
        path: of the file. An `.npz` file of several arrays is one of a model of several inputs, by their names.
        inputs: names of the model's inputs, none of which is the labels' then, whatever it is called.
        steps: series of these files that are shorter are followed by zeros up to so many; None: all have one length.

    Raises:
        SepzooError: no such file, a damaged one, pickled objects, several parts of a data set (`x_train`, `x_test`),
            arrays or series of different lengths, or labels that are no class numbers, one a sample.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/windows.npz"
        >>> np.savez(path, x=np.zeros((6, 49, 10), "float32"), labels=np.arange(6))
        >>> samples = feature_samples(path)
        >>> samples.images.shape, samples.labels.tolist()
        ((6, 49, 10), [0, 1, 2, 3, 4, 5])
    """
    if names_series(path):
        return read_series(path, steps=steps)
    features, labels = _arrays(Path(path), inputs)
    parts = [name for name in features if _PART.search(name) and name not in inputs]
    if len(parts) > 1:  # x_train, x_test, … as keras.datasets are kept
        raise SepzooError(
            f"{path}: expected the samples of one part of a data set. Received: {', '.join(features)}. Write those of "
            "one part as a file of its own: numpy.savez(path, x=..., y=...)."
        )
    check_lengths(features, str(path))
    count = len(next(iter(features.values())))
    if labels is not None and labels.shape == (count, 1):  # as keras.datasets gives them
        labels = labels[:, 0]
    if labels is not None and (labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer)):
        raise SepzooError(
            f"{path}: expected one class number a sample as labels. Received: {labels.dtype} of shape {labels.shape}."
        )
    images = features if inputs or len(features) > 1 else next(iter(features.values()))
    return Samples(images, labels, origin=Path(path).name, seed=0)


def check_lengths(arrays: Mapping[str, Sized], title: str) -> None:
    """See that the arrays of several inputs hold equally many samples.

    Raises:
        SepzooError: they don't, or one is no array of samples.
    """
    lengths = {name: _length(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1 or None in lengths.values():
        received = ", ".join(f"{name or 'it'}: {length}" for name, length in lengths.items())
        raise SepzooError(f"{title}: expected equally many samples for each input. Received: {received}.")


def _length(array: Sized) -> int | None:
    return None if isinstance(array, np.ndarray) and not array.ndim else len(array)


def check_readable(path: Path) -> None:
    """See that a path leads to a file that can be read.

    Raises:
        SepzooError: no such file, a folder, or a pipe.
    """
    reason = why_unreadable(path, most_bytes=sys.maxsize)
    if reason is not None:
        wanted = "a file of series" if names_series(path) else "an .npy or .npz file of numbers"
        said = reason if reason == "no such file" else f"expected {wanted}. Received: {reason}"
        raise SepzooError(f"{path}: {said}.")


def _arrays(path: Path, inputs: Sequence[str] = ()) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Return the features of a file, one or several arrays, and its labels where it has them."""
    check_readable(path)
    check(path)
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                arrays = {"": found}
            else:
                with found:
                    arrays = {name: found[name] for name in found.files}
    except Exception as error:  # NumPy, zipfile and zlib let almost anything through
        raise SepzooError(f"{path}: expected an .npy or .npz file of numbers ({first_line(error)}).") from None
    labels = next((arrays.pop(name) for name in _LABELS if name in arrays and name not in inputs), None)
    if not arrays:
        raise SepzooError(f"{path}: expected one array of features, and labels beside it. Received: none.")
    return arrays, labels


def only_array(arrays: Mapping[str, np.ndarray], title: str) -> np.ndarray:
    """Return the one array of a model of one input."""
    if len(arrays) != 1:
        raise SepzooError(
            f"{title}: expected one array of features, and labels beside it. Received: {', '.join(arrays)}."
        )
    return next(iter(arrays.values()))


def _named(data: object) -> str:
    return str(data) if isinstance(data, str | os.PathLike) else type(data).__name__
