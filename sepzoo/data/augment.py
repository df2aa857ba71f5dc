"""Random changes of training images: whole uint8 batches, in NumPy, decided by the given random numbers alone."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sepzoo.support.errors import SepzooError


@dataclasses.dataclass(frozen=True, eq=False)
class Draws:
    """What chance decided of some images; None: of none.

    Attributes:
        tops: first row of each crop, padding included.
        lefts: first column.
        mirrored: whether left and right change places.
        factors: on the pixels, of shape (n, 1).
    """

    tops: np.ndarray | None
    lefts: np.ndarray | None
    mirrored: np.ndarray | None
    factors: np.ndarray | None


class Augmentation(BaseModel):
    """What happens to a training image, in this order: crop, mirror, brightness, RandAugment, MixUp or CutMix.

    Attributes:
        enlarge: training images are opened this much larger than the network's input and cropped at random to it.
        padding: black pixels put around the image before the random crop.
        flip: mirror every second image left to right, at random; `alternate`: each in every other epoch, so that two
            epochs show both sides of all, and its pixels decide in which of two (Jordan 2024, arXiv 2404.00498).
        brightness: pixels are multiplied by a factor between 1 - brightness and 1 + brightness (torchvision's
            `ColorJitter(brightness)`, the one colour change of BSConv's dogs recipe).
        operations: of Keras's `RandAugment`, so many on each image; 0: none.
        strength: of these, 0 … 1.
        mixup: strength of Keras's `MixUp` (the parameter of its beta distribution), 0 … 1; 0: none.
        cutmix: factor of Keras's `CutMix`, 0 … 1; 0: none. Where both are said each batch gets one of them, by chance.

    Example:
        >>> images = np.full((2, 4, 4, 3), 100, "uint8")
        >>> changed = Augmentation(padding=1, flip=True)(images, (4, 4), np.random.default_rng(0))
        >>> changed.shape, changed.dtype, sorted(np.unique(changed).tolist())
        ((2, 4, 4, 3), dtype('uint8'), [0, 100])
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enlarge: Annotated[float, Field(ge=1, le=2)] = 1.0
    padding: Annotated[int, Field(ge=0)] = 0
    flip: bool | Literal["alternate"] = False
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.0
    operations: Annotated[int, Field(ge=0, le=10)] = 0
    strength: Annotated[float, Field(gt=0, le=1)] = 0.5
    mixup: Annotated[float, Field(ge=0, le=1)] = 0.0
    cutmix: Annotated[float, Field(ge=0, le=1)] = 0.0

    def source_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) at which training images of a network of input `size` are opened."""
        return round(size[0] * self.enlarge), round(size[1] * self.enlarge)

    def draw(
        self, count: int, free: tuple[int, int], random: np.random.Generator, *, turned: np.ndarray | None = None
    ) -> Draws:
        """Return what chance decides of so many images.

        Args:
            count: images.
            free: pixels by which an image, padding included, is higher and wider than what is cropped of it.
            random: numbers; the same as `__call__` takes, in the same order.
            turned: with `flip="alternate"` which of them are mirrored in the epoch (`turned_in`).
        """
        crops = self.padding or any(free)
        return Draws(
            tops=random.integers(free[0] + 1, size=count) if crops else None,
            lefts=random.integers(free[1] + 1, size=count) if crops else None,
            mirrored=random.random(count) < 0.5 if self.flip is True else turned,
            factors=random.uniform(1 - self.brightness, 1 + self.brightness, (count, 1)) if self.brightness else None,
        )

    def free(self, image_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
        """Return the pixels by which an image, padding included, is higher and wider than what is cropped of it.

        Raises:
            SepzooError: the padded image is smaller than `size`.
        """
        free = image_size[0] + 2 * self.padding - size[0], image_size[1] + 2 * self.padding - size[1]
        if min(free) < 0:
            raise SepzooError(
                f"expected images of at least {tuple(size)}. Received: {tuple(image_size)}, padding={self.padding}."
            )
        return free

    def __call__(
        self, images: np.ndarray, size: tuple[int, int], random: np.random.Generator, *, epoch: int = 0
    ) -> np.ndarray:
        """Return a changed copy of uint8 images (n, height, width, channels), cropped to `size`.

        Of what Keras's layers do see `sepzoo.data.keras_augment`. The number of the `epoch` decides where sides
        alternate.
        """
        turned = turned_in(epoch, first_sides(images)) if self.flip == "alternate" else None
        draws = self.draw(len(images), self.free(images.shape[1:3], size), random, turned=turned)
        if draws.tops is not None and draws.lefts is not None:
            images = crop(images, size, self.padding, draws.tops, draws.lefts)
        if draws.mirrored is not None:
            images = mirror(images, draws.mirrored)
        if draws.factors is not None:
            images = brighten(images, draws.factors)
        return images


def crop(images: np.ndarray, size: tuple[int, int], padding: int, tops: np.ndarray, lefts: np.ndarray) -> np.ndarray:
    """Return `size` pixels from a place of each image with `padding` black pixels around it."""
    height, width = size
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    cropped = np.empty((len(images), height, width, images.shape[3]), images.dtype)
    for target, image, top, left in zip(cropped, padded, tops, lefts, strict=True):
        target[...] = image[top : top + height, left : left + width]
    return cropped


def mirror(images: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Return the images, some of them mirrored left to right."""
    flipped = images.copy()
    flipped[mirrored] = images[mirrored, :, ::-1]
    return flipped


def first_sides(images: np.ndarray) -> np.ndarray:
    """Return for each image whether an even epoch mirrors it, by its pixels, so that no list of images is needed."""
    return np.array([zlib.crc32(image.tobytes()) & 1 for image in images], bool)


def turned_in(epoch: int, sides: np.ndarray) -> np.ndarray:
    """Return which images an epoch, counted from 0, mirrors; `sides` of `first_sides`."""
    return sides ^ bool(epoch % 2)


def brighten(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return the images, the pixels of each multiplied by its factor and cut at 255."""
    return np.stack([table[image] for table, image in zip(brightness_tables(factors), images, strict=True)])


def brightness_tables(factors: np.ndarray) -> np.ndarray:
    """Return what becomes of each of the 256 values of a pixel, uint8 of shape (n, 256), by factors (n, 1)."""
    return np.minimum(np.arange(256) * factors, 255).astype(np.uint8)
