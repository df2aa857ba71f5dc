"""Pictures of any form at the size of a model's input."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sepzoo.data.photo import read_image
from sepzoo.data.samples import UNDIVIDED
from sepzoo.inference.features import only_array
from sepzoo.inference.images import raise_unreadable
from sepzoo.inference.tensors import InputTensor
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from PIL.Image import Image

Picture: TypeAlias = "np.ndarray | Image | str | os.PathLike[str]"
Data: TypeAlias = "np.ndarray | Sequence[Picture] | str | os.PathLike[str]"
"""What one input is given: an array, pictures, paths of pictures, or the path of a file of arrays."""


def seen_pixels(images: Data, said: Metadata, tensor: InputTensor, batch_size: int) -> Iterator[np.ndarray]:
    """Yield images as the model sees them but for normalization: uint8 (n, height, width, channels), a batch each.

    Args:
        images: of any size.
        said: of the input; its crop and its interpolation resize them.
        tensor: the input.
        batch_size: how many are held in memory at a time.

    Raises:
        SepzooError: a file can't be read (all such files are counted to the end, the first are named), or pixels are
            not uint8.
    """
    pictures = as_pictures(only_array(images, said.name) if isinstance(images, Mapping) else images)
    problems: list[str] = []
    for start in range(0, len(pictures), batch_size):
        seen = [_seen(picture, said, tensor, problems) for picture in pictures[start : start + batch_size]]
        if not problems:
            yield np.stack(seen)
    raise_unreadable(problems, len(pictures))


def as_pictures(images: Data) -> Sequence[Picture]:
    """Return images as a sequence of them; one path is a sequence of one.

    Raises:
        SepzooError: an array of one image, or of no images.
    """
    if isinstance(images, str | os.PathLike):
        return [images]
    if isinstance(images, np.ndarray) and images.ndim != 4:
        raise SepzooError(
            f"expected images of shape (n, height, width, channels). Received: {images.shape}. "
            "A single image goes in as image[None]."
        )
    return images  # type: ignore[return-value]


def _seen(picture: Picture, said: Metadata, tensor: InputTensor, problems: list[str]) -> np.ndarray:
    """Return one image at the input's size; one that cannot be read is noted, and blank."""
    if isinstance(picture, np.ndarray) and picture.dtype != np.uint8:
        raise SepzooError(
            f"expected pixels of 0 … 255, as uint8. Received: {picture.dtype}{_range(picture)}. {UNDIVIDED}"
        )
    if isinstance(picture, np.ndarray) and picture.shape == tensor.shape:
        return picture
    if not tensor.is_picture:
        raise SepzooError(f"{said.name}: expected images of 1, 3 or 4 channels. Received: {tensor.shape}.")
    height, width, channels = tensor.shape
    if isinstance(picture, str | os.PathLike):
        try:
            picture = read_image(picture)
        except SepzooError as error:
            problems.append(str(error))
            return np.zeros(tensor.shape, np.uint8)
    return (said.preprocessing or Preprocessing()).resize(picture, (height, width), channels=channels)


def _range(picture: np.ndarray) -> str:
    """Return in words between which values the numbers of an array lie."""
    if not picture.size or picture.dtype.kind not in "iuf":
        return ""
    return f" of {picture.min():.4g} … {picture.max():.4g}"
