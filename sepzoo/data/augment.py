"""Random changes of training images: whole uint8 batches, in NumPy, decided by the given random numbers alone."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sepzoo.support.errors import SepzooError


class Augmentation(BaseModel):
    """What happens to a training image, in this order: crop, mirror, brightness, RandAugment, MixUp or CutMix.

    Attributes:
        enlarge: training images are opened this much larger than the network's input and cropped at random to it.
        padding: black pixels put around the image before the random crop.
        flip: mirror every second image left to right, at random.
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
    flip: bool = False
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.0
    operations: Annotated[int, Field(ge=0, le=10)] = 0
    strength: Annotated[float, Field(gt=0, le=1)] = 0.5
    mixup: Annotated[float, Field(ge=0, le=1)] = 0.0
    cutmix: Annotated[float, Field(ge=0, le=1)] = 0.0

    def source_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) at which training images of a network of input `size` are opened."""
        return round(size[0] * self.enlarge), round(size[1] * self.enlarge)

    def __call__(self, images: np.ndarray, size: tuple[int, int], random: np.random.Generator) -> np.ndarray:
        """Return a changed copy of uint8 images (n, height, width, channels), cropped to `size`.

        Of what Keras's layers do see `sepzoo.data.keras_augment`.
        """
        if self.padding or images.shape[1:3] != tuple(size):
            images = random_crop(images, size, self.padding, random)
        if self.flip:
            images = random_flip(images, random)
        if self.brightness:
            images = random_brightness(images, self.brightness, random)
        return images


def random_crop(images: np.ndarray, size: tuple[int, int], padding: int, random: np.random.Generator) -> np.ndarray:
    """Return `size` pixels from a random place of each image with `padding` black pixels around it.

    Raises:
        SepzooError: the padded image is smaller than `size`.
    """
    height, width = size
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    free = padded.shape[1] - height, padded.shape[2] - width
    if min(free) < 0:
        raise SepzooError(f"expected images of at least {size}. Received: {images.shape[1:3]}, padding={padding}.")
    tops = random.integers(free[0] + 1, size=len(images))
    lefts = random.integers(free[1] + 1, size=len(images))
    cropped = np.empty((len(images), height, width, images.shape[3]), images.dtype)
    for target, image, top, left in zip(cropped, padded, tops, lefts, strict=True):
        target[...] = image[top : top + height, left : left + width]
    return cropped


def random_flip(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the images, each mirrored left to right with probability 1/2."""
    mirrored = random.random(len(images)) < 0.5
    flipped = images.copy()
    flipped[mirrored] = images[mirrored, :, ::-1]
    return flipped


def random_brightness(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Return the images, the pixels of each multiplied by a factor in 1 ± `strength` and cut at 255."""
    factors = random.uniform(1 - strength, 1 + strength, size=(len(images), 1))
    tables = np.minimum(np.arange(256) * factors, 255).astype(np.uint8)
    return np.stack([table[image] for table, image in zip(tables, images, strict=True)])
