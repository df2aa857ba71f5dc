"""From a name to a data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sepzoo.data import digits
from sepzoo.data.class_folders import folder_splits
from sepzoo.data.folder import open_folder
from sepzoo.data.samples import Samples
from sepzoo.data.sounds import SoundSource, open_sound_folder, open_tfds_sounds
from sepzoo.data.source import MEMORY_BUDGET, Source
from sepzoo.data.table import is_table, open_table, table_splits
from sepzoo.records.preprocessing import Interpolation, Preprocessing
from sepzoo.records.sound import Sound
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
        name: `digits` (embedded), the path of a folder of class folders or of a CSV file (see `sepzoo.data.table`), or
            a TFDS name, also as `tfds:NAME`.
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
    if is_table(text):
        if image_size is None:
            raise SepzooError("expected an image_size for photographs. Received: image_size=None.")
        return open_table(text, split=split, image_size=image_size, channels=channels or 3, preprocessing=preprocessing)
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


def open_sounds(
    name: str | os.PathLike[str], *, split: str = "train", sound: Sound, data_dir: str | None = None
) -> SoundSource:
    """Return the clips of a name, of the rate and length that a network takes.

    Args:
        name: the path of a folder of class folders of WAV files, or a TFDS name, also as `tfds:NAME`.
        split: a split of it, or a slice such as `train[:20%]`.
        sound: what the network takes.
        data_dir: where prepared TFDS sets lie; None: the variable `TFDS_DATA_DIR`, else TFDS's own place.

    Raises:
        SepzooError: no such data set or split, or one without sound or classes.
    """
    text = _text(name)
    if text == "digits" or is_table(text):
        raise SepzooError(
            f"expected sound: a folder of class folders of WAV files, or a TFDS name. Received: {text}, of pictures."
        )
    if is_folder(text):
        return open_sound_folder(text, split=split, sound=sound)
    return open_tfds_sounds(text.removeprefix(_TFDS), split=split, sound=sound, data_dir=data_dir)


def has_pictures(name: str | os.PathLike[str], *, data_dir: str | None = None) -> bool | None:
    """Return whether a TFDS set holds an image; None for what is no TFDS set, and holds nothing but pictures.

    Raises:
        SepzooError: no such data set.

    Example:
        >>> has_pictures("digits")
    """
    text = _text(name)
    if text == "digits" or is_folder(text):
        return None
    from sepzoo.data.tfds_features import has_images

    return has_images(text.removeprefix(_TFDS), data_dir)


def open_features(
    name: str,
    *,
    split: str | None,
    inputs: Sequence[str] = (),
    count: int | None = None,
    seed: int = 0,
    data_dir: str | None = None,
) -> Samples:
    """Return arrays of a TFDS set as samples, with class numbers and names where it has them.

    Numbers of any shape are taken: a tensor, a number, sound, a sequence of them; a nested feature is called
    `outer/inner`. All samples must have one shape.

    Args:
        name: of the set, also as `tfds:NAME`.
        split: a split or a slice of it, as TFDS writes it.
        inputs: names of a model's inputs. Of several each is a feature's, and the arrays come as a dictionary. Of one
            or none the array is the feature of that name, else what the set itself calls its input, else the only one.
        count: so many, drawn by chance; None: all, in their order.
        seed: decides which.
        data_dir: where prepared sets lie; None: the variable `TFDS_DATA_DIR`, else TFDS's own place.

    Raises:
        SepzooError: no such set or split, no such feature, several and none named, or samples of many shapes.
    """
    text = _text(name)
    if text == "digits" or is_folder(text):
        raise SepzooError(f"expected a TFDS set of arrays. Received: {text}, of pictures, which open_source opens.")
    from sepzoo.data.tfds_features import read_tfds_features

    return read_tfds_features(
        text.removeprefix(_TFDS), split=split, inputs=inputs, count=count, seed=seed, data_dir=data_dir
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
    if is_table(text):
        return table_splits(text)
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
    if text == "digits" or is_table(text) or is_folder(text):
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
    if text == "digits" or is_table(text) or is_folder(text):
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
