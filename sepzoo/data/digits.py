"""The embedded data set: 1,797 real scans of handwritten digits."""

from __future__ import annotations

import gzip
from importlib import resources

import numpy as np

from sepzoo.data.arrays import ArraySource
from sepzoo.data.source import WHOLE
from sepzoo.data.split import Split
from sepzoo.support.errors import unknown

SPLITS = ("train", "test")
_TEST = Split("all", 0, 20)
_TRAIN = Split("all", 20, 100)


def open_digits(
    *, split: str = "train", image_size: tuple[int, int] | None = None, channels: int | None = None
) -> ArraySource:
    """Return the UCI optical digits (Alpaydin and Kaynak 1998, CC BY 4.0; shipped, so no network is needed).

    They are the 1,797 scans of that set's test part, 8 x 8 pixels in 17 grey levels. A fixed fifth of every class is
    our `test` (359 scans), the rest is `train` (1,438). Pixels are scaled from 0..16 to 0..255 and then enlarged
    (Pillow, bilinear).

    Args:
        split: `train`, `test` or a slice in percent, such as `train[:10%]`.
        image_size: (height, width); None: 8 x 8 as scanned.
        channels: 1 or 3 (equal ones); None: 1.

    Raises:
        SepzooError: no such split.

    Example:
        >>> source = open_digits(split="test", image_size=(32, 32))
        >>> len(source), source.images(np.arange(2)).shape
        (359, (2, 32, 32, 1))
    """
    part = Split.parse(split)
    if part.name not in SPLITS:
        raise unknown("split of digits", part.name, SPLITS)
    pixels, labels = _scans()
    indices = (_TEST if part.name == "test" else _TRAIN).indices(labels)
    indices = indices[part.indices(labels[indices])]
    pixels, labels = pixels[indices], labels[indices]
    return ArraySource(
        pixels=np.stack([WHOLE.resize(scan, image_size or (8, 8), channels=channels or 1) for scan in pixels]),
        targets=labels,
        class_names=tuple("0123456789"),
        name=f"digits {split}",
    )


def _scans() -> tuple[np.ndarray, np.ndarray]:
    """Return all scans as uint8 (1797, 8, 8), values 0..255, and their digits."""
    with resources.files("sepzoo.data").joinpath("digits.csv.gz").open("rb") as packed, gzip.open(packed) as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
    grey = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8)
    return grey.reshape(-1, 8, 8), table[:, -1]
