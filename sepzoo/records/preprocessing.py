"""What happens to a photograph before a network sees it, as data that a file can carry: resize, crop, normalize."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

from sepzoo.records.pixels import from_array, in_channels, upright
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import ArrayLike, Json

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image, Resampling

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
ChannelOrder = Literal["rgb", "bgr"]

_LONG = 16  # an image that would be resized to more than this many times the pixels that are seen
_WIDEST_FILTER = 4  # pixels to each side that an interpolation looks at, and one to spare


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How pixels become a network's input.

    Attributes:
        mean: subtracted from pixels of 0 … 255, one for all channels or one each.
        std: divided by afterwards, likewise; `mean=127.5, std=127.5` gives -1 … 1, `mean=0, std=255` gives 0 … 1.
        crop_fraction: share of the short side that the centre crop keeps: at 0.875 a 224-pixel input is cut from an
            image whose short side is 256. 1 keeps the whole short side.
        interpolation: of the resizing, antialiased, as Pillow names it.
        channel_order: of the network's input, "rgb" or "bgr"; `mean` and `std` are in this order. The pixels that come
            in are always red first. (The TFLite metadata standard has no word for it; `sepzoo.json` has.)

    Example:
        >>> import numpy as np
        >>> Preprocessing().normalize(np.array([[[[0, 255, 51]]]], np.uint8)).tolist()
        [[[[-1.0, 1.0, -0.6000000238418579]]]]
    """

    mean: tuple[float, ...] = (127.5,)
    std: tuple[float, ...] = (127.5,)
    crop_fraction: float = 0.875
    interpolation: Interpolation = "bilinear"
    channel_order: ChannelOrder = "rgb"

    def __post_init__(self) -> None:
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if not numbers or not all(_is_number(number) for number in numbers):
                raise SepzooError(f"expected {name} as one number, or one a channel. Received: {name}={numbers}.")
        if min(self.std) <= 0:
            raise SepzooError(f"expected a positive std. Received: std={self.std}.")
        if not (_is_number(self.crop_fraction) and 0 < self.crop_fraction <= 1):
            raise SepzooError(f"expected a crop_fraction in (0, 1]. Received: crop_fraction={self.crop_fraction}.")
        if self.interpolation not in get_args(Interpolation):
            raise unknown("interpolation", str(self.interpolation), get_args(Interpolation))
        if self.channel_order not in get_args(ChannelOrder):
            raise unknown("channel order", str(self.channel_order), get_args(ChannelOrder))

    def resize(self, image: np.ndarray | Image, size: tuple[int, int], *, channels: int = 3) -> np.ndarray:
        """Return the image resized and cut in the middle to `size`, as uint8 pixels.

        Args:
            image: a Pillow image, which is turned upright; or pixels (height, width), (height, width, 1), (…, 3) or
                (…, 4), uint8, or uint16 of 0 … 65535.
            size: (height, width) of the result.
            channels: 1 for grey, 3 for colour, 4 for colour and opacity.

        Returns:
            (height, width, channels), uint8. An image of just that size and form comes back as it is.

        Raises:
            SepzooError: pixels or colours that can't become 8 bits; see `in_channels` and `from_array`.

        Example:
            >>> from PIL import Image
            >>> Preprocessing().resize(Image.new("RGB", (640, 480), "red"), (2, 2))[0, 0].tolist()
            [255, 0, 0]
        """
        import numpy as np

        if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.shape == (*size, channels):
            return image
        from PIL import Image as Pillow

        image = from_array(image) if isinstance(image, np.ndarray) else upright(image)
        if 0 in image.size:
            raise SepzooError(f"expected an image with pixels. Received: {image.width} x {image.height}.")
        height, width = size
        scale = max(round(height / self.crop_fraction) / image.height, round(width / self.crop_fraction) / image.width)
        whole = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
        left, top = (whole[0] - width) // 2, (whole[1] - height) // 2
        seen = (left, top, left + width, top + height)
        method = Pillow.Resampling[self.interpolation.upper()]
        if whole[0] * whole[1] > _LONG * width * height:
            return _resize_seen(image, whole, seen, method, channels)
        image = in_channels(image, channels)
        if whole != image.size:
            image = image.resize(whole, method)
        return np.asarray(image.crop(seen)).reshape(height, width, channels)

    def normalize(self, images: ArrayLike) -> np.ndarray:
        """Return pixels of 0 … 255, channels last, as the network's float32 input; a new array."""
        import numpy as np

        pixels = self.in_order(np.asarray(images, np.float32))
        return (pixels - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)

    def in_order(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels, red first and channels last, with their channels in the network's order.

        Example:
            >>> import numpy as np
            >>> CAFFE.in_order(np.array([[255, 0, 9]])).tolist()
            [[9, 0, 255]]
        """
        import numpy as np

        if self.channel_order == "rgb" or pixels.shape[-1] < 3:
            return pixels
        return np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=-1)

    def fits_integers(self, channels: int) -> bool:
        """Return whether pixels can be the integers of an input that has one scale and one zero point.

        Not where channels have numbers of their own or come blue first, nor where no pixel becomes zero.

        Example:
            >>> Preprocessing().fits_integers(3), IMAGENET.fits_integers(3), CAFFE.fits_integers(3)
            (True, False, False)
        """
        ordered = self.channel_order == "rgb" or channels < 3
        return ordered and len({*self.mean}) == len({*self.std}) == 1 and 0 <= self.mean[0] <= 255

    def for_channels(self, channels: int) -> Preprocessing:
        """Return the record for grey images (1) or images with opacity (4): the mean of the colours' numbers for each.

        Example:
            >>> Preprocessing(mean=(90.0, 120.0, 150.0), std=(1.0,)).for_channels(1).mean
            (120.0,)
        """

        def fitted(numbers: tuple[float, ...]) -> tuple[float, ...]:
            if len(numbers) in (1, channels):
                return numbers
            average = sum(numbers) / len(numbers)
            return (*numbers, average) if channels == len(numbers) + 1 else (average,)

        return dataclasses.replace(self, mean=fitted(self.mean), std=fitted(self.std))

    def to_dict(self) -> dict[str, Json]:
        """Return the fields as JSON can hold them."""
        return {**dataclasses.asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Json]) -> Preprocessing:
        """Return the record that `to_dict` described."""
        return cls(**{**fields, "mean": tuple(fields["mean"]), "std": tuple(fields["std"])})


def _resize_seen(
    image: Image, whole: tuple[int, int], seen: tuple[int, int, int, int], method: Resampling, channels: int
) -> np.ndarray:
    """Return the part `seen` of the image as it would be at the size `whole`, without making the rest."""
    import numpy as np

    region, box = [], []  # the pixels of the image that are needed, and the part seen, measured in them
    for axis in (0, 1):
        step = image.size[axis] / whole[axis]
        first, last = seen[axis] * step, seen[axis + 2] * step
        margin = _WIDEST_FILTER * max(step, 1)
        start, stop = max(0, math.floor(first - margin)), min(image.size[axis], math.ceil(last + margin))
        region.append((start, stop))
        box.append((first - start, min(last, stop) - start))
    (left, right), (top, bottom) = region
    part = in_channels(image.crop((left, top, right, bottom)), channels)
    size = (seen[2] - seen[0], seen[3] - seen[1])
    resized = part.resize(size, method, box=(box[0][0], box[1][0], box[0][1], box[1][1]))
    return np.asarray(resized).reshape(size[1], size[0], channels)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


MINUS_ONE_TO_ONE = Preprocessing()
ZERO_TO_ONE = Preprocessing(mean=(0.0,), std=(255.0,))
IMAGENET = Preprocessing(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
CAFFE = Preprocessing(mean=(103.939, 116.779, 123.68), std=(1.0,), channel_order="bgr")
AS_THEY_ARE = Preprocessing(mean=(0.0,), std=(1.0,))
"""Pixels of 0 … 255, which the network normalizes itself."""
NAMED: Mapping[str, Preprocessing] = {
    "as_they_are": AS_THEY_ARE,
    "minus_one_to_one": MINUS_ONE_TO_ONE,
    "zero_to_one": ZERO_TO_ONE,
    "imagenet": IMAGENET,
    "caffe": CAFFE,
}
"""The forms that have a name: pixels to -1 … 1, to 0 … 1, by ImageNet's mean and deviation, blue first and less it."""
