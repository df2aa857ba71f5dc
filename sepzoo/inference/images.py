"""Read several picture files, and say of all bad ones at once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sepzoo.data.photo import read_image
from sepzoo.data.picture_files import NAMED
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from PIL.Image import Image

Path = str | os.PathLike[str]

_EXPECTED = re.compile(r"expected a readable (image|WAV file)\. Received: ")


def load_images(paths: Iterable[Path]) -> list[Image]:
    """Return the pictures of these files, decoded and turned upright.

    Raises:
        SepzooError: some files are missing, damaged or no pictures; they are counted, and the first five are named.

    Example:
        >>> load_images(["one.jpg", "two.jpg"])
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: 2 of 2 images cannot be read. one.jpg: no such file. two.jpg: no such file.
    """
    images: list[Image] = []
    problems: list[str] = []
    for path in paths:
        try:
            images.append(read_image(path))
        except SepzooError as error:
            problems.append(str(error))
    raise_unreadable(problems, len(images) + len(problems))
    return images


def raise_unreadable(problems: list[str], count: int, *, what: str = "images") -> None:
    """Raise the one error that names the bad ones of `count` images, or clips; nothing happens where there are none."""
    if len(problems) == 1 and count == 1:
        raise SepzooError(problems[0])
    if problems:
        shown = " ".join(_EXPECTED.sub("", problem) for problem in problems[:NAMED])
        more = f" And {len(problems) - NAMED} more." if len(problems) > NAMED else ""
        raise SepzooError(f"{len(problems)} of {count} {what} cannot be read. {shown}{more}")
