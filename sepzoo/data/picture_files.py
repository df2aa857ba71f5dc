"""The pictures, or other files of a kind, in a folder, and the files beside them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sepzoo.data.photo import SkippedImageWarning, is_picture, suffixes
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import printable

_Content = TypeVar("_Content")

_SYSTEM_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx")
"""What Windows and archives of Macs leave in folders, in small letters."""

NAMED = 5
"""How many of many bad files are named."""


def is_hidden(name: str) -> bool:
    """Tell whether a file or a folder is one that users don't see: its name begins with a dot, or systems made it.

    Example:
        >>> [is_hidden(name) for name in (".DS_Store", "._cat.jpg", "Thumbs.db", "cat.jpg")]
        [True, True, True, False]
    """
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


@dataclass(frozen=True)
class FoundImages:
    """What `find_images` or `find_files` found, each sorted by name.

    Attributes:
        found: files that were looked for.
        left_out: other files, and folders that can't be read.
    """

    found: tuple[Path, ...]
    left_out: tuple[Path, ...]


def find_images(folder: str | os.PathLike[str]) -> FoundImages:
    """Return the picture files of a folder and its subfolders, and what is left out.

    A picture is a file with the suffix of one (`suffixes()`, small or capital letters), or with another suffix or none
    whose content begins as a picture does. Hidden files and folders (`is_hidden`) are passed over.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "photo.JFIF").write_bytes(b""), (folder / "notes.txt").write_text("two cats")
        >>> images = find_images(folder)
        >>> [path.name for path in images.found], [path.name for path in images.left_out]
        (['photo.JFIF'], ['notes.txt'])
    """
    return find_files(folder, lambda path: path.suffix.lower() in suffixes() or is_picture(path))


def find_files(folder: str | os.PathLike[str], wanted: Callable[[Path], bool]) -> FoundImages:
    """Return the files of a folder and its subfolders that are wanted, and what is left out; hidden ones are neither.

    Args:
        folder: the folder; links to others are followed, once each.
        wanted: tells a file that is looked for.
    """
    found: list[Path] = []
    left_out: list[Path] = []
    visited: set[tuple[int, int]] = set()

    def unreadable(error: OSError) -> None:
        left_out.append(Path(error.filename))

    for place, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in visited:
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in files:
            if not is_hidden(name):
                path = Path(place, name)
                (found if wanted(path) else left_out).append(path)
    return FoundImages(tuple(sorted(found)), tuple(sorted(left_out)))


def readable(
    attempts: Iterable[_Content | SepzooError],
    count: int,
    title: Path,
    what: str,
    category: type[SkippedImageWarning] = SkippedImageWarning,
) -> Iterator[tuple[int, _Content]]:
    """Yield number and content of every file that can be read; warnings count the others and name the first.

    They name the line that called the function that loops over this.

    Args:
        attempts: the content of each file, or what is wrong with it.
        count: of the files.
        title: where they come from, for the warnings.
        what: they are called.
        category: of the warnings.
    """
    skipped = 0
    for index, result in enumerate(attempts):
        if not isinstance(result, SepzooError):
            yield index, result
            continue
        skipped += 1
        if skipped <= NAMED:
            warnings.warn(f"{result} It is left out.", category, stacklevel=3)
    if skipped:
        total = f"{title}: {skipped} of {count} {what} cannot be read and were left out."
        warnings.warn(total, category, stacklevel=3)


def named(paths: Sequence[object]) -> str:
    """Return the first five of some paths or messages as text, and how many more there are.

    Example:
        >>> named(["a.txt", "b.txt"]), named(range(7))
        ('a.txt, b.txt', '0, 1, 2, 3, 4 and 2 more')
    """
    shown = ", ".join(printable(str(path)) for path in paths[:NAMED])
    return f"{shown} and {len(paths) - NAMED} more" if len(paths) > NAMED else shown
