"""Folders of labelled files, one folder a class: which classes, splits and files there are."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sepzoo.data.class_names import check_class_names, in_class_order
from sepzoo.data.photo import SkippedImageWarning
from sepzoo.data.picture_files import FoundImages, is_hidden, named
from sepzoo.data.split import VALIDATION_NAMES, Split
from sepzoo.records.labels import composed
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.printable import printable
from sepzoo.support.regular_file import why_missing


@dataclass(frozen=True)
class FileKind:
    """What the files of a class are.

    Attributes:
        files: what they are called.
        formats: which files are meant, in words.
        contents: what a class has many of, in words.
        found: finds them in a folder and its subfolders.
        is_one: tells one by its content.
    """

    files: str
    formats: str
    contents: str
    found: Callable[[Path], FoundImages]
    is_one: Callable[[Path], bool]


@dataclass(frozen=True, eq=False)
class ClassFiles:
    """The files of a split.

    Attributes:
        files: all of them, class by class.
        labels: the class number of each.
        class_names: one name a class.
    """

    files: tuple[Path, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]


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


def class_files(root: Path, split: str, kind: FileKind) -> ClassFiles:
    """Return the files of a split; a warning counts what is no file of a class.

    Args:
        root: the folder, with the class folders in it or in its subfolders `train`, `validation`, `test`.
        split: one of `folder_splits(root)` or a slice of it in percent; a slice holds its share of every class.
        kind: which files.

    Raises:
        SepzooError: no such folder or split, fewer than two classes, a class without a file, a class whose name is no
            UTF-8 text.
    """
    part = Split.parse(split)
    _check_folder(root)
    known, unlabelled = _splits(root)
    if part.name not in known:
        hint = (
            f"It has no class folders: sepzoo classify says what its {kind.files} show."
            if part.name in unlabelled
            else ""
        )
        raise unknown(f"split of {root}", part.name, known, hint=hint)
    divided = (root / "train").is_dir()
    class_names = _class_names(root / "train" if divided else root, kind)
    files, labels = _files(root / part.name if divided else root, class_names, kind, every=part.name == "train")
    chosen = part.indices(labels)
    return ClassFiles(tuple(files[index] for index in chosen), labels[chosen], class_names)


def check_every_class(
    labels: np.ndarray, found: np.ndarray, class_names: tuple[str, ...], root: Path, what: str
) -> None:
    """See that every class has a file that can be read.

    Args:
        labels: the class numbers of those that can.
        found: of all files.
        class_names: one name a class.
        root: the folder, for the error.
        what: one file is called.

    Raises:
        SepzooError: a class has none.
    """
    for label in np.setdiff1d(found, labels):
        raise SepzooError(
            f"expected a readable {what} of every class. Received: class {class_names[label]!r} of {root} with none. "
            "Replace its damaged files."
        )


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
                "the same. Put their files together."
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


def _class_names(root: Path, kind: FileKind) -> tuple[str, ...]:
    folders = _class_folders(root)
    names = in_class_order(folders)
    if len(names) < 2:
        raise SepzooError(
            f"expected a folder with at least two class folders. Received: {root} with "
            f"{f'only {names[0]!r}' if names else 'none'}. Put the {kind.contents} of each class into a folder of "
            "its own."
        )
    check_class_names(names, root)
    places = [root / folders[name] for name in names]
    inside = [_folders(place) for place in places]
    if (
        len(inside[0]) > 1
        and inside.count(inside[0]) == len(inside)
        and not any(_beside(place, kind) for place in places)
    ):
        raise SepzooError(
            f"expected class folders in {root}. Received: {named(names)}, each with the same folders "
            f"{named(inside[0])}. Name them train, validation and test."
        )
    return names


def _files(root: Path, class_names: tuple[str, ...], kind: FileKind, *, every: bool) -> tuple[list[Path], np.ndarray]:
    folders = _class_folders(root)
    strangers = [name for name in folders if name not in class_names]
    if strangers:
        raise SepzooError(f"expected in {root} the class folders of train. Received: {named(strangers)} besides.")
    files: list[Path] = []
    labels: list[int] = []
    left_out = _beside(root, kind)
    for label, name in enumerate(class_names):
        inside = kind.found(root / folders.get(name, name))
        if every and not inside.found:
            raise SepzooError(
                f"expected {kind.files} ({kind.formats}) of every class. Received: "
                f"{root / name} with none. Fill the folder or remove it."
            )
        files += inside.found
        labels += [label] * len(inside.found)
        left_out += inside.left_out
    if left_out:
        text = f"{root}: {len(left_out)} files are no {kind.files} of a class and were left out: {named(left_out)}."
        warnings.warn(text, SkippedImageWarning, stacklevel=1)
    return files, np.array(labels, np.int64)


def _beside(folder: Path, kind: FileKind) -> list[Path]:
    """Return the files of a kind that lie in a folder itself, beside its folders."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not is_hidden(path.name))
    return [path for path in files if kind.is_one(path)]
