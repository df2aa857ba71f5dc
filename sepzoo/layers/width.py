"""Channel numbers times a width multiplier, as the papers' programs round them."""

from __future__ import annotations

from sepzoo.support.errors import SepzooError


def truncated(channels: int, width: float) -> int:
    """Return `channels * width` without its fraction, the rule of MobileNetV1 and of the BSConv authors.

    Raises:
        SepzooError: no channel is left.

    Example:
        >>> truncated(64, 0.35)
        22
    """
    result = int(channels * width)
    if result < 1:
        raise SepzooError(
            f"expected a width that leaves every stage a channel. Received: {width}, which leaves none of {channels}. "
            f"The least that does is {1 / channels:.4g}."
        )
    return result


def nearest(channels: float, divisor: int = 8) -> int:
    """Return the multiple of `divisor` nearest to `channels`, at least one (EfficientNetV2's rule).

    Example:
        >>> nearest(19.2), nearest(12.0), nearest(1.0)
        (16, 16, 8)
    """
    return max(divisor, int(channels + divisor / 2) // divisor * divisor)


def divisible(channels: float, divisor: int = 8) -> int:
    """Return the multiple of `divisor` nearest to `channels`, at least one, and never under 90 % (MobileNetV2's rule).

    Example:
        >>> divisible(11.2), divisible(33.6), divisible(1.0)
        (16, 32, 8)
    """
    result = nearest(channels, divisor)
    return result + divisor if result < 0.9 * channels else result
