"""Strides turned into dilations, so that a network ends at a finer resolution with the same weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sepzoo.support.errors import SepzooError


@dataclasses.dataclass(frozen=True)
class Resolution:
    """How one stage's k x k convolutions step and reach.

    Attributes:
        strides: of the stage's first k x k convolution.
        first_dilation: of that convolution.
        dilation: of all that follow.
    """

    strides: int
    first_dilation: int = 1
    dilation: int = 1

    def window(self, unit: int) -> dict[str, int]:
        """Return `strides` and `dilation_rate` of the first k x k convolution in the stage's unit number 1, 2, …."""
        if unit == 1:
            return {"strides": self.strides, "dilation_rate": self.first_dilation}
        return {"strides": 1, "dilation_rate": self.dilation}


def resolutions(stem: int, strides: Sequence[int], output_stride: int | None = None) -> tuple[Resolution, ...]:
    """Return each stage's resolution for a total stride of at most `output_stride`.

    A stage whose stride would pass it keeps its input's resolution; the convolutions behind its first reach that much
    farther instead. At every position that the strided network has, the values are then the same (DeepLab, Chen et al.
    2017, arXiv 1706.05587), where the padding is symmetric.

    Args:
        stem: total stride in front of the first stage.
        strides: of each stage.
        output_stride: 8, 16, 32, …; None leaves the strides as they are.

    Raises:
        SepzooError: an output stride that the stem has already passed, or that the strides never meet.

    Example:
        >>> resolutions(2, (1, 2, 2, 2, 2), output_stride=16)[-1]
        Resolution(strides=1, first_dilation=1, dilation=2)
    """
    reached = [stem]
    for step in strides:
        reached.append(reached[-1] * step)
    if output_stride is not None and output_stride not in reached:
        raise SepzooError(
            f"expected an output_stride of {', '.join(map(str, sorted(set(reached))))}. Received: {output_stride}."
        )
    stages, total, dilation = [], stem, 1
    for step in strides:
        if output_stride is None or total * step <= output_stride:
            stages.append(Resolution(step, dilation, dilation))
            total *= step
        else:
            stages.append(Resolution(1, dilation, dilation * step))
            dilation *= step
    return tuple(stages)
