"""Read a picture file."""

from __future__ import annotations

import functools
import os
import struct
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sepzoo.records.pixels import to_eight_bits, upright
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.regular_file import why_unreadable

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "DIB", "PPM", "JPEG2000", "MPO", "QOI", "SGI", "PCX")
"""What is read, by Pillow's names. Left out: drawings that run programs (EPS), icons, video, scientific containers."""

MAX_PIXELS = BOUNDS.pixels
"""The most that a picture may declare, 134 million: what a decoder takes for them is at most 512 MiB."""

MAX_BYTES = 2**30
"""The largest picture file that is read."""

_PREFIX = 16  # bytes by which Pillow knows a format


class SkippedImageWarning(UserWarning):
    """An image that cannot be read was left out of a data set."""


def read_image(path: str | os.PathLike[str]) -> Image:
    """Return the picture of a file, decoded to its last byte, turned upright as its camera says, of 8 bits a channel.

    The format is told by the content, not by the name. Of a film the first picture is read.

    Raises:
        SepzooError: the file is missing, damaged or no picture; it declares more than `MAX_PIXELS` pixels, or has
            floating-point ones.

    Example:
        >>> read_image("missing.jpg")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: missing.jpg: expected a readable image. Received: no such file.
    """
    reason = why_unreadable(path, most_bytes=MAX_BYTES)
    if reason is None:
        try:
            with Path(path).open("rb") as file:
                image = _opened(file)
                reason = "no picture" if image is None else _too_large(image)
                if image is not None and reason is None:
                    if image.format == "PNG":  # whose sums Pillow checks only when it is asked to
                        image.verify()
                        image = _opened(file) or image
                    image.load()
                    return upright(to_eight_bits(image))
        except SepzooError as error:
            raise SepzooError(f"{path}: {error}") from None
        except Exception as error:  # a damaged file makes Pillow's decoders raise almost anything
            reason = (isinstance(error, OSError) and error.strerror) or f"damaged ({first_line(error)})"
    raise SepzooError(f"{path}: expected a readable image. Received: {reason}.")


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file's content begins as a picture does, whatever its name.

    Example:
        >>> is_picture("missing.jpg")
        False
    """
    if why_unreadable(path, most_bytes=MAX_BYTES) is not None:
        return False
    try:
        with Path(path).open("rb") as file:
            return _opened(file) is not None
    except Exception:  # as in `read_image`
        return False


@functools.cache
def suffixes() -> frozenset[str]:
    """Return the suffixes of picture files, in small letters.

    Example:
        >>> sorted({".avif", ".jfif", ".txt"} & suffixes())
        ['.avif', '.jfif']
    """
    from PIL import Image

    return frozenset(suffix for suffix, form in Image.registered_extensions().items() if form in FORMATS)


def _opened(file: IO[bytes]) -> ImageFile | None:
    """Return the undecoded picture, as `PIL.Image.open` does, whose warning of large ones comes from every thread."""
    from PIL import Image

    Image.init()
    file.seek(0)
    prefix = file.read(_PREFIX)
    for name in FORMATS:
        if name not in Image.OPEN:
            continue
        factory, accepts = Image.OPEN[name]
        if accepts is not None and accepts(prefix) is not True:
            continue
        file.seek(0)
        try:
            return factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # another format with the same beginning
            continue
    return None


def _too_large(image: ImageFile) -> str | None:
    if image.width * image.height <= MAX_PIXELS:
        return None
    return f"{image.width:,} x {image.height:,} pixels, of which at most {MAX_PIXELS:,} are decoded"
