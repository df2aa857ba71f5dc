"""A folder of photographs, one folder a class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sepzoo.data.arrays import ArraySource
from sepzoo.data.class_names import check_class_names, in_class_order
from sepzoo.data.photo import SkippedImageWarning, is_picture, read_image
from sepzoo.data.picture_files import NAMED, find_images, is_hidden, named
from sepzoo.data.source import MEMORY_BUDGET, WHOLE, Source
from sepzoo.data.split import VALIDATION_NAMES, Split
from sepzoo.records.labels import composed
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.printable import printable
from sepzoo.support.regular_file import why_missing


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
        """Yield number and pixels of every photograph that can be read; warnings count the others and name the first.

        Args:
            title: what they are photographs of, for the warnings.
        """
        skipped = 0
        for index, result in enumerate(self.attempts()):
            if not isinstance(result, SepzooError):
                yield index, result
                continue
            skipped += 1
            if skipped <= NAMED:
                warnings.warn(f"{result} It is left out.", SkippedImageWarning, stacklevel=3)
        if skipped:
            total = f"{title}: {skipped} of {len(self)} images cannot be read and were left out."
            warnings.warn(total, SkippedImageWarning, stacklevel=3)

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


def folder_splits(folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the splits of a folder of class folders.

    With a subfolder `train` they are its subfolders `train`, `validation` (or `val`, `valid`) and `test`; without, the
    subfolders are classes and all is `train`. A `test` or `validation` without class folders, as competitions hand it
    out, is left out with a warning.

    Raises:
        SepzooError: there is no such folder.
    """
    root = Path(folder)
    _check_folder(root)
    labelled, unlabelled = _splits(root)
    for name in unlabelled:
        text = f"{root / name}: no class folders, so nothing says what its pictures show. It is left out."
        warnings.warn(text, SkippedImageWarning, stacklevel=1)
    return labelled


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
    root, part = Path(folder), Split.parse(split)
    _check_folder(root)
    known, unlabelled = _splits(root)
    if part.name not in known:
        hint = (
            "It has no class folders: sepzoo classify says what its pictures show." if part.name in unlabelled else ""
        )
        raise unknown(f"split of {root}", part.name, known, hint=hint)
    divided = (root / "train").is_dir()
    class_names = _class_names(root / "train" if divided else root)
    files, labels = _pictures(root / part.name if divided else root, class_names, every=part.name == "train")
    chosen = part.indices(labels)
    source = FolderSource(
        [files[index] for index in chosen],
        labels[chosen],
        class_names,
        name=f"{root.name} {split}",
        image_size=image_size,
        channels=channels,
        preprocessing=preprocessing,
    )
    return _without_damaged(source, root, memory_budget)


def _check_folder(root: Path) -> None:
    missing = why_missing(root)
    if missing is not None or not root.is_dir():
        raise SepzooError(
            f"expected a folder of class folders. Received: {printable(str(root))}, which {missing or 'is no folder'}."
        )


def _folders(root: Path) -> list[str]:
    try:
        return sorted(path.name for path in root.iterdir() if path.is_dir() and not is_hidden(path.name))
    except OSError as error:
        raise SepzooError(f"expected a folder that can be read. Received: {root}: {error.strerror}.") from None


def _class_folders(root: Path) -> dict[str, str]:
    """Return the name of each class (composed) with that of its folder."""
    folders: dict[str, str] = {}
    for name in _folders(root):
        other = folders.setdefault(composed(name), name)
        if other != name:
            raise SepzooError(
                f"expected one folder for each class. Received: {other!a} and {name!a} in {root}, which read "
                "the same. Put their photographs together."
            )
    return folders


def _splits(root: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the splits of a folder, and those of its folders that would be one but have no class folders."""
    names = _folders(root)
    if "train" not in names:
        return ("train",), ()
    classes = _class_folders(root / "train")
    others = [name for name in (*VALIDATION_NAMES, "test") if name in names]
    inside = {name: _class_folders(root / name) for name in others}
    labelled = [name for name in others if len(inside[name]) > 1 or inside[name].keys() & classes.keys()]
    return ("train", *labelled), tuple(name for name in others if name not in labelled)


def _class_names(root: Path) -> tuple[str, ...]:
    folders = _class_folders(root)
    names = in_class_order(folders)
    if len(names) < 2:
        raise SepzooError(
            f"expected a folder with at least two class folders. Received: {root} with "
            f"{f'only {names[0]!r}' if names else 'none'}. Put the photographs of each class into a folder of its own."
        )
    check_class_names(names, root)
    places = [root / folders[name] for name in names]
    inside = [_folders(place) for place in places]
    if len(inside[0]) > 1 and inside.count(inside[0]) == len(inside) and not any(map(_pictures_in, places)):
        raise SepzooError(
            f"expected class folders in {root}. Received: {named(names)}, each with the same folders "
            f"{named(inside[0])}. Name them train, validation and test."
        )
    return names


def _pictures(root: Path, class_names: tuple[str, ...], *, every: bool) -> tuple[list[Path], np.ndarray]:
    folders = _class_folders(root)
    strangers = [name for name in folders if name not in class_names]
    if strangers:
        raise SepzooError(f"expected in {root} the class folders of train. Received: {named(strangers)} besides.")
    files: list[Path] = []
    labels: list[int] = []
    left_out = _pictures_in(root)
    for label, name in enumerate(class_names):
        images = find_images(root / folders.get(name, name))
        if every and not images.found:
            raise SepzooError(
                f"expected pictures (JPEG, PNG, TIFF and what else Pillow reads) of every class. Received: "
                f"{root / name} with none. Fill the folder or remove it."
            )
        files += images.found
        labels += [label] * len(images.found)
        left_out += images.left_out
    if left_out:
        text = f"{root}: {len(left_out)} files are no pictures of a class and were left out: {named(left_out)}."
        warnings.warn(text, SkippedImageWarning, stacklevel=1)
    return files, np.array(labels, np.int64)


def _pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie in a folder itself, beside its folders."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not is_hidden(path.name))
    return [path for path in files if is_picture(path)]


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
    for label in np.setdiff1d(source.labels, labels):
        raise SepzooError(
            f"expected a readable image of every class. Received: class {source.class_names[label]!r} of {root} "
            "with none. Replace its damaged files."
        )
    if fits:
        return ArraySource(pixels[: len(kept)], labels, source.class_names, source.name)
    return source.taken(kept)
