"""Darknet reference network: seven 3 x 3 convolutions, six poolings (cfg/darknet.cfg in Redmon's program Darknet)."""

from __future__ import annotations

from typing import Any

import keras

from sepzoo.layers import heads
from sepzoo.layers.builder import Blocks
from sepzoo.layers.resolution import resolutions
from sepzoo.layers.width import truncated

STAGES = (16, 32, 64, 128, 256, 512, 1024)  # one convolution each; a max pooling stands in front of all but the first


def darknet_reference(
    net: Blocks, x: Any, *, alpha: float = 1.0, activation: str = "leaky_relu", output_stride: int | None = None
) -> Any:
    """Return the last feature map.

    Args:
        net: the words it is written in, with what fills the slots: each 3 x 3 convolution.
        x: images.
        alpha: width; every channel number is multiplied by it and truncated.
        activation: behind each batch normalization.
        output_stride: total stride at most, by dilation instead (weights unchanged); None for all strides.
    """
    scales = resolutions(1, (1, *(2,) * 6), output_stride)
    for s, (channels, scale) in enumerate(zip(STAGES, scales, strict=True), start=1):
        if s > 1:
            x = net.max_pool(x, 2, strides=scale.strides, padding="same", name=f"stage{s}_pool")
        width, dilation = truncated(channels, alpha), scale.dilation
        x = net.slot_bn(x, width, 3, dilation_rate=dilation, activation=activation, name=f"stage{s}_conv")
    return x


def head(net: Blocks, x: Any, *, classes: int, activation: Any, classifier: str = "conv", dropout: float = 0.0) -> Any:
    """Return the class scores: an averaged 1 x 1 convolution ("conv", Darknet), or a dense layer ("dense")."""
    if classifier == "dense":
        return heads.dense_head(net, x, classes=classes, activation=activation, dropout=dropout)
    x = net.activation(net.conv(x, classes, 1, use_bias=True, name="logits"), "leaky_relu", name="logits")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.layers.Activation(activation, name="predictions")(x)
