"""A folder of photographs, one folder a class."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sepzoo.data.arrays import ArraySource
from sepzoo.data.class_folders import FileKind, check_every_class, class_files
from sepzoo.data.photo import is_picture, read_image
from sepzoo.data.picture_files import find_images, readable
from sepzoo.data.source import MEMORY_BUDGET, WHOLE, Source
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError

PICTURES = FileKind("pictures", "JPEG, PNG, TIFF and what else Pillow reads", "photographs", find_images, is_picture)


class FolderSource(Source):
    """Photographs that are decoded, resized and cropped whenever they are asked for.

    Args:
        files: the picture files.
        labels: the class number of each; with values the numbers of their rows.
        class_names: one name a class, or a column of values.
        values: a row of them for each photograph, where it has these instead of a class.
        name: shown beside every accuracy.
        image_size: (height, width) of what `images` returns.
        channels: 1, 3 or 4.
        preprocessing: how a photograph is resized and cropped.
    """

    def __init__(
        self,
        files: Sequence[Path],
        labels: np.ndarray,
        class_names: tuple[str, ...],
        *,
        name: str,
        image_size: tuple[int, int],
        channels: int = 3,
        preprocessing: Preprocessing = WHOLE,
        values: np.ndarray | None = None,
    ) -> None:
        self.files = tuple(files)
        self.class_names = class_names
        self.name = name
        self.image_size = image_size
        self.channels = channels
        self.preprocessing = preprocessing
        self.values = values
        self._labels = labels
        self._pool = ThreadPoolExecutor(os.cpu_count())

    @property
    def labels(self) -> np.ndarray:
        """The class number of every photograph."""
        return self._labels

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Decode the photographs of these numbers.

        Raises:
            SepzooError: a file is missing or damaged.
        """
        return np.stack(list(self._pool.map(self._decode, indices)))

    def attempts(self) -> Iterator[np.ndarray | SepzooError]:
        """Yield every photograph's pixels, or what is wrong with its file."""
        return self._pool.map(self._attempt, range(len(self.files)))

    def readable(self, title: Path) -> Iterator[tuple[int, np.ndarray]]:
        """Return number and pixels of every photograph that can be read; warnings count the others and name the first.

        Args:
            title: what they are photographs of, for the warnings.
        """
        return readable(self.attempts(), len(self), title, "images")

    def taken(self, kept: Sequence[int]) -> FolderSource:
        """Return the photographs of these numbers."""
        return FolderSource(
            [self.files[index] for index in kept],
            self.labels[kept] if self.values is None else np.arange(len(kept)),
            self.class_names,
            name=self.name,
            image_size=self.image_size,
            channels=self.channels,
            preprocessing=self.preprocessing,
            values=None if self.values is None else self.values[kept],
        )

    def _decode(self, index: int) -> np.ndarray:
        return self.preprocessing.resize(read_image(self.files[index]), self.image_size, channels=self.channels)

    def _attempt(self, index: int) -> np.ndarray | SepzooError:
        try:
            return self._decode(index)
        except SepzooError as error:
            return error


def open_folder(
    folder: str | os.PathLike[str],
    *,
    split: str = "train",
    image_size: tuple[int, int],
    channels: int = 3,
    preprocessing: Preprocessing = WHOLE,
    memory_budget: int = MEMORY_BUDGET,
) -> Source:
    """Return the photographs of a folder that holds one folder a class.

    Every photograph is decoded once on opening: what cannot be read, and files that are no pictures, are left out with
    a warning that counts them and names the first. The pixels are kept where they fit in `memory_budget` bytes, else
    decoded again when asked for. Classes are numbered in the order of their folders' names; names that are all whole
    numbers, by value. Photographs in subfolders of a class folder belong to the class.

    Args:
        folder: the folder, with the class folders in it or in its subfolders `train`, `validation`, `test`.
        split: one of `folder_splits(folder)` or a slice of it in percent; a slice holds its share of every class.
        image_size: (height, width) that each photograph is resized and centre-cropped to.
        channels: 1, 3 or 4.
        preprocessing: its crop fraction and interpolation are used.
        memory_budget: bytes of pixels to keep.

    Raises:
        SepzooError: no such folder or split, fewer than two classes, a class without a readable image, a class whose
            name is no UTF-8 text.
    """
    root = Path(folder)
    found = class_files(root, split, PICTURES)
    source = FolderSource(
        found.files,
        found.labels,
        found.class_names,
        name=f"{root.name} {split}",
        image_size=image_size,
        channels=channels,
        preprocessing=preprocessing,
    )
    return _without_damaged(source, root, memory_budget)


def _without_damaged(source: FolderSource, root: Path, memory_budget: int) -> Source:
    height, width = source.image_size
    fits = len(source) * height * width * source.channels <= memory_budget
    pixels = np.empty((len(source) if fits else 0, height, width, source.channels), np.uint8)
    kept: list[int] = []
    for index, picture in source.readable(root):
        if fits:
            pixels[len(kept)] = picture
        kept.append(index)
    labels = source.labels[kept]
    check_every_class(labels, source.labels, source.class_names, root, "image")
    if fits:
        return ArraySource(pixels[: len(kept)], labels, source.class_names, source.name)
    return source.taken(kept)
