"""Series with their classes, out of files, as networks take them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sepzoo.data.class_names import check_class_names
from sepzoo.data.samples import Samples
from sepzoo.data.series_csv import FIRST, read_series_csv
from sepzoo.data.ts_file import read_ts
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError


def names_series(name: str | os.PathLike[str]) -> bool:
    """Return whether a path is that of a file of series: `.ts`, or a CSV file whose first column is `series`.

    Example:
        >>> names_series("GunPoint_TRAIN.ts"), names_series("photos.csv")
        (True, False)
    """
    path = Path(name)
    if path.suffix.lower() == ".ts":
        return True
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline(200).removeprefix(b"\xef\xbb\xbf").split(b",")[0].strip() == FIRST.encode()


def read_series(path: str | os.PathLike[str], *, steps: int | None = None) -> Samples:
    """Return the series of a `.ts` or CSV file as samples (n, steps, channels), with their class numbers.

    Args:
        path: of the file; see `sepzoo.data.ts_file` and `sepzoo.data.series_csv`.
        steps: shorter series are followed by zeros up to so many; None: all must have one length.

    Raises:
        SepzooError: no such file, one of another form, no series, or series of several lengths or channels.
    """
    path = Path(path)
    found = read_ts(path) if path.suffix.lower() == ".ts" else read_series_csv(path)
    labels = None
    if found.labels is not None:
        labels = np.array([found.class_names.index(label) for label in found.labels], np.int64)
    return Samples(
        _stacked(found.series, steps, path),
        labels,
        origin=path.name,
        seed=0,
        class_names=None if labels is None else check_class_names(found.class_names, path),
    )


def _stacked(series: Sequence[np.ndarray], steps: int | None, path: Path) -> np.ndarray:
    channels, lengths = ({each.shape[axis] for each in series} for axis in (1, 0))
    if len(channels) != 1:
        wrong = f"{min(channels)} … {max(channels)}" if channels else "no series"
        raise SepzooError(f"{path}: expected series of as many channels each. Received: {wrong}.")
    if steps is None and len(lengths) > 1:
        raise SepzooError(
            f"{path}: expected series of one length. Received: {min(lengths)} … {max(lengths)} steps. Pad them with "
            f"zeros: a network trained with model.steps={max(lengths)} takes them so, and feature_samples reads them."
        )
    wanted = max(lengths) if steps is None else steps
    if max(lengths) > wanted:
        raise SepzooError(f"{path}: expected series of at most {wanted} steps. Received: one of {max(lengths)}.")
    if len(series) * wanted * channels.pop() * 4 > BOUNDS.unpacked:
        raise SepzooError(f"{path}: expected series of {BOUNDS.unpacked:,} bytes at most when padded. Cut them.")
    return np.stack([np.pad(each, ((0, wanted - len(each)), (0, 0))) for each in series])
