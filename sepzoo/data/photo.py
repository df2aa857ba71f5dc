"""Read a picture file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


class SkippedImageWarning(UserWarning):
    """An image that cannot be read was left out of a data set."""


def read_image(path: str | os.PathLike[str]) -> Image:
    """Return the picture of a file, decoded to its last byte and turned upright as its camera says.

    Raises:
        SepzooError: the file is missing, damaged or no picture.

    Example:
        >>> read_image("missing.jpg")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: missing.jpg: expected a readable image. Received: no such file.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except FileNotFoundError:
        reason = "no such file"
    except Exception as error:  # a damaged file makes Pillow's decoders raise almost anything
        reason = "no picture" if isinstance(error, Image.UnidentifiedImageError) else f"damaged ({error})"
    raise SepzooError(f"{path}: expected a readable image. Received: {reason}.")
