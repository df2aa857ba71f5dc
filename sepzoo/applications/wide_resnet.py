"""WideResNet: few, wide units (Zagoruyko and Komodakis, BMVC 2016, arXiv 1605.07146, table 1), 6n+4 layers."""

from __future__ import annotations

from typing import Any

from sepzoo.applications.resnet import Stage, residual_stages
from sepzoo.layers.builder import Blocks
from sepzoo.layers.resolution import resolutions
from sepzoo.support.errors import SepzooError

STEM = 16
STAGES = (Stage(16, 1), Stage(32, 2), Stage(64, 2))


def wide_resnet(net: Blocks, x: Any, *, units: int = 4, width: int = 10, drop_path: float = 0.0) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each 3 x 3 convolution, the stem included.
        x: images.
        units: number of units in each of the three stages.
        width: factor of the stages' channels; the stem keeps its 16.
        drop_path: rate of stochastic depth at the last unit, growing from 0 at the first.
    """
    if not isinstance(width, int) or width < 1:
        raise SepzooError(f"expected a whole width of at least 1. Received: width={width!r}.")
    x = net.slot(x, STEM, 3, name="stem")
    stages = [Stage(stage.channels * width, stage.strides) for stage in STAGES]
    scales = resolutions(1, [stage.strides for stage in STAGES])
    return residual_stages(net, x, stages, scales, units=(units,) * 3, preactivation=True, drop_path=drop_path)
