"""ResNet for small images (He et al., CVPR 2016, arXiv 1512.03385, sec. 4.2): three stages of n units, 6n+2 layers."""

from __future__ import annotations

from typing import Any

from sepzoo.applications.resnet import Stage, residual_stages
from sepzoo.layers.builder import Blocks
from sepzoo.layers.resolution import resolutions

STEM = 16
STAGES = (Stage(16, 1), Stage(32, 2), Stage(64, 2))


def cifar_resnet(net: Blocks, x: Any, *, units: int = 3, preactivation: bool = False, drop_path: float = 0.0) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each 3 x 3 convolution, the stem included.
        x: images.
        units: number of units in each of the three stages.
        preactivation: whether batch normalization and activation stand in front of the convolutions.
        drop_path: rate of stochastic depth at the last unit, growing from 0 at the first.
    """
    x = net.slot(x, STEM, 3, name="stem")
    if not preactivation:
        x = net.activation(net.batch_norm(x, name="stem_bn"), "relu", name="stem")
    scales = resolutions(1, [stage.strides for stage in STAGES])
    return residual_stages(net, x, STAGES, scales, units=(units,) * 3, preactivation=preactivation, drop_path=drop_path)
