"""What "same" adds around an axis, without Keras, for layers and for NumPy's algebra."""

from __future__ import annotations


def same_on_axis(size: int, reach: int, stride: int) -> tuple[int, int]:
    """Return what "same" adds before and after an axis; an odd one more goes after it.

    Args:
        size: of the axis.
        reach: places from the first that the window sees to the last, both counted.
        stride: step of the window.

    Example:
        >>> same_on_axis(4, reach=3, stride=2), same_on_axis(4, reach=3, stride=1)
        ((0, 1), (1, 1))
    """
    lacking = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return lacking // 2, lacking - lacking // 2
