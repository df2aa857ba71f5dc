"""What a convolution sees: the patches of its input that its window covers, in NumPy."""

from __future__ import annotations

import dataclasses

import numpy as np

from sepzoo.layers.same_padding import same_on_axis

Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """Where a two-dimensional convolution looks.

    Attributes:
        kernel_size: height and width.
        strides: down and to the right.
        dilation_rate: likewise.
        padding: "same" or "valid".
    """

    kernel_size: Pair
    strides: Pair = (1, 1)
    dilation_rate: Pair = (1, 1)
    padding: str = "valid"

    @property
    def reach(self) -> Pair:
        """Height and width of what one position sees."""
        (height, width), (tall, wide) = self.kernel_size, self.dilation_rate
        return tall * (height - 1) + 1, wide * (width - 1) + 1


def extract_patches(images: np.ndarray, window: Window) -> np.ndarray:
    """Return a view on the patches that a convolution multiplies with its kernel.

    Args:
        images: (n, height, width, channels), the convolution's input.
        window: where it looks.

    Returns:
        (n, output height, output width, kernel height, kernel width, channels); only padding is copied.

    Example:
        >>> images = np.arange(16.0).reshape(1, 4, 4, 1)
        >>> view = extract_patches(images, Window(kernel_size=(3, 3), strides=(2, 2), padding="same"))
        >>> view.shape, float(view[0, 0, 0].sum()), float(view[0, 1, 1].sum())
        ((1, 2, 2, 3, 3, 1), 45.0, 50.0)
    """
    if window.padding == "same":
        axes = zip(images.shape[1:3], window.reach, window.strides, strict=True)
        images = np.pad(images, [(0, 0), *(same_on_axis(*axis) for axis in axes), (0, 0)])
    view = np.lib.stride_tricks.sliding_window_view(images, window.reach, axis=(1, 2))
    (down, right), (tall, wide) = window.strides, window.dilation_rate
    return np.moveaxis(view[:, ::down, ::right, :, ::tall, ::wide], 3, -1)


def drawn_places(
    shape: tuple[int, ...], most: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return indices of some places of each image, drawn by chance: of the images, of their rows, of their columns.

    Args:
        shape: that begins with the numbers of images, rows and columns.
        most: at most so many places of each image.
        generator: that draws them.

    Example:
        >>> images = np.arange(24.0).reshape(2, 3, 4)
        >>> images[drawn_places(images.shape, 5, np.random.default_rng(0))].shape
        (2, 5)
    """
    images, rows, columns = shape[:3]
    order = generator.random((images, rows * columns)).argsort(axis=1)[:, :most]
    return np.arange(images)[:, None], order // columns, order % columns
