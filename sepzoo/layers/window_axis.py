"""How the window of a convolution moves along one axis of images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from sepzoo.layers.same_padding import same_on_axis


@dataclasses.dataclass(frozen=True)
class WindowAxis:
    """One spatial axis: sizes of the input and the window, and how the window moves.

    Attributes:
        size: places of the input.
        taps: places of the window.
        stride: places from one output to the next.
        dilation: places from one tap to the next.
        before: zeros before the input.
        after: zeros behind it.
    """

    size: int
    taps: int
    stride: int
    dilation: int
    before: int
    after: int

    @property
    def padded(self) -> int:
        """Places of the input with the zeros."""
        return self.size + self.before + self.after

    @property
    def outputs(self) -> int:
        """Places of the output."""
        return (self.padded - (self.taps - 1) * self.dilation - 1) // self.stride + 1

    def seen_by(self, tap: int) -> slice:
        """Return the places of the padded input that a tap of the window meets, an output each."""
        start = tap * self.dilation
        return slice(start, start + (self.outputs - 1) * self.stride + 1, self.stride)

    def phases(self) -> Iterator[list[tuple[int, int]]]:
        """Yield for each residue of the padded places by the stride the taps that meet them, and how far back."""
        for residue in range(self.stride):
            yield [
                (tap, tap * self.dilation // self.stride)
                for tap in range(self.taps)
                if tap * self.dilation % self.stride == residue
            ]

    @property
    def reach(self) -> int:
        """How many outputs back a place is met from, at most."""
        return (self.taps - 1) * self.dilation // self.stride

    @property
    def rows(self) -> int:
        """How many places of one residue there are."""
        return -(-self.padded // self.stride)


def window_axes(
    sizes: Sequence[int], taps: Sequence[int], strides: Sequence[int], dilations: Sequence[int], padding: str
) -> tuple[WindowAxis, WindowAxis]:
    """Return the height and the width of a convolution over images.

    Args:
        sizes: of the input.
        taps: of the window.
        strides: of the window.
        dilations: of the window.
        padding: "valid" or "same".

    Example:
        >>> window_axes([5, 6], [3, 3], [1, 2], [1, 1], "same")[1].outputs
        3
    """
    rows, columns = (_axis(*each, padding) for each in zip(sizes, taps, strides, dilations, strict=True))
    return rows, columns


def _axis(size: int, taps: int, stride: int, dilation: int, padding: str) -> WindowAxis:
    if padding == "valid":
        return WindowAxis(size, taps, stride, dilation, 0, 0)
    return WindowAxis(size, taps, stride, dilation, *same_on_axis(size, (taps - 1) * dilation + 1, stride))
