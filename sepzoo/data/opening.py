"""From a name to a data set."""

from __future__ import annotations

import os
from pathlib import Path

from sepzoo.data import digits
from sepzoo.data.folder import folder_splits, open_folder
from sepzoo.data.source import MEMORY_BUDGET, Source
from sepzoo.records.preprocessing import Interpolation, Preprocessing
from sepzoo.support.errors import SepzooError

_TFDS = "tfds:"


def open_source(
    name: str | os.PathLike[str],
    *,
    split: str = "train",
    image_size: tuple[int, int] | None = None,
    data_dir: str | None = None,
    channels: int | None = None,
    crop_fraction: float = 1.0,
    interpolation: Interpolation = "bilinear",
    memory_budget: int = MEMORY_BUDGET,
) -> Source:
    """Return the data set of a name.

    Args:
        name: `digits` (embedded), the path of a folder of class folders, or a TFDS name, also as `tfds:NAME`.
        split: a split of it, or a slice such as `train[:20%]`.
        image_size: (height, width) that images are resized and centre-cropped to; None: the set's own, if it has one.
        data_dir: where prepared TFDS sets lie; None: the variable `TFDS_DATA_DIR`, else TFDS's own place.
        channels: 1 or 3; None: the set's own, 3 for photographs.
        crop_fraction: share of the short side that the centre crop keeps.
        interpolation: of the resizing.
        memory_budget: bytes of pixels that are kept decoded; beyond, files are read anew in every epoch.

    Raises:
        SepzooError: no such data set or split, or one that cannot be used; the nearest names are offered.

    Example:
        >>> source = open_source("digits", split="train", image_size=(32, 32), channels=3)
        >>> source.name, len(source), source.image_size, source.class_names[7]
        ('digits train', 1438, (32, 32), '7')
    """
    text = _text(name)
    preprocessing = Preprocessing(crop_fraction=crop_fraction, interpolation=interpolation)
    if text == "digits":
        return digits.open_digits(split=split, image_size=image_size, channels=channels)
    if is_folder(text):
        if image_size is None:
            raise SepzooError("expected an image_size for a folder of photographs. Received: image_size=None.")
        return open_folder(
            text,
            split=split,
            image_size=image_size,
            channels=channels or 3,
            preprocessing=preprocessing,
            memory_budget=memory_budget,
        )
    from sepzoo.data.tfds import open_tfds

    return open_tfds(
        text.removeprefix(_TFDS),
        split=split,
        image_size=image_size,
        data_dir=data_dir,
        channels=channels,
        preprocessing=preprocessing,
        memory_budget=memory_budget,
    )


def split_names(name: str | os.PathLike[str], *, data_dir: str | None = None) -> tuple[str, ...]:
    """Return the splits of the data set of a name; see `open_source`.

    Example:
        >>> split_names("digits")
        ('train', 'test')
    """
    text = _text(name)
    if text == "digits":
        return digits.SPLITS
    if is_folder(text):
        return folder_splits(text)
    from sepzoo.data.tfds import tfds_splits

    return tfds_splits(text.removeprefix(_TFDS), data_dir)


def split_sizes(name: str | os.PathLike[str], *, data_dir: str | None = None) -> dict[str, int]:
    """Return the number of images of each split of a TFDS set; nothing for others, which are sliced in percent alone.

    Example:
        >>> split_sizes("digits")
        {}
    """
    text = _text(name)
    if text == "digits" or is_folder(text):
        return {}
    from sepzoo.data.tfds import tfds_sizes

    return tfds_sizes(text.removeprefix(_TFDS), data_dir)


def split_shards(name: str | os.PathLike[str], *, data_dir: str | None = None) -> dict[str, tuple[int, ...]]:
    """Return the numbers of images in the files of each split of a TFDS set; nothing for others.

    Example:
        >>> split_shards("digits")
        {}
    """
    text = _text(name)
    if text == "digits" or is_folder(text):
        return {}
    from sepzoo.data.tfds import tfds_shards

    return tfds_shards(text.removeprefix(_TFDS), data_dir)


def _text(name: str | os.PathLike[str]) -> str:
    text = os.fspath(name)
    return os.path.expanduser(text) if text.startswith("~") else text  # noqa: PTH111  (keeps a last slash)


def is_folder(text: str) -> bool:
    """Tell a path from a TFDS name, which may hold a slash too (`name/config`)."""
    if text.startswith(_TFDS):
        return False
    return Path(text).exists() or text.startswith((".", "/", "~")) or text.endswith(("/", os.sep))
