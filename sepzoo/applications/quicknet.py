"""QuickNet: Darknet's widths in separable convolutions with PReLU, a reconstruction (Ghosh 2017, arXiv 1701.02291)."""

from __future__ import annotations

import dataclasses
from typing import Any

from sepzoo.layers.builder import Blocks
from sepzoo.layers.factorization import separable
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated


@dataclasses.dataclass(frozen=True)
class Stage:
    """One resolution: some convolutions of the same width. A max pooling stands in front of all but the first."""

    channels: int
    convolutions: int


STEM = 16
STAGES = (Stage(64, 3), Stage(128, 3), Stage(256, 3), Stage(512, 3), Stage(1024, 3))


def quicknet(
    net: Blocks, x: Any, *, alpha: float = 1.0, activation: str = "prelu", output_stride: int | None = None
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each 3 x 3 convolution but the stem.
        x: images.
        alpha: width; every channel number is multiplied by it and truncated.
        activation: "prelu" (the paper), "leaky_relu" (Darknet), "relu".
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
    """
    kind = net.factorization or separable()
    x = net.conv_bn(x, truncated(STEM, alpha), 3, activation=activation, name="stem")
    for s, (stage, scale) in enumerate(zip(STAGES, resolutions(1, (1, 2, 2, 2, 2), output_stride), strict=True), 1):
        if s > 1:
            x = net.max_pool(x, 2, strides=scale.strides, padding="same", name=f"stage{s}_pool")
        width, dilation = truncated(stage.channels, alpha), scale.dilation
        for c in range(1, stage.convolutions + 1):
            name = f"stage{s}_conv{c}"
            x = net.factorized_bn(x, kind, width, 3, dilation_rate=dilation, activation=activation, name=name)
    return x
