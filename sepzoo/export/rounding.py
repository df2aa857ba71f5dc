"""How a format rounds the kernels of a network."""

from __future__ import annotations

import dataclasses

import keras

from sepzoo.support.types import Layer


@dataclasses.dataclass(frozen=True)
class Rounding:
    """How a format rounds kernels, symmetric about zero.

    Attributes:
        largest: of the integers in kernels of convolutions and of fully connected layers: 127 of 8 bits, 7 of 4.
        depthwise: the largest in those of depthwise convolutions; None: they stay.
        per_channel: whether each channel has a step of its own.
        inputs: whether what goes into these layers is rounded too: to 8 bits, one step and one zero point a tensor.
        by_outputs: whether each weight may go up or down, whichever is better for the outputs, and not to the nearest.
            For formats alone that find the same steps in the result: by the largest weight.
        equalizes: whether channels are scaled first where that is nearer to the exact network. Only for formats that
            round inputs too, and with a step for each channel of a kernel.
        narrows: whether ranges of activations end where rounding errs least, not at the extremes, where that is
            nearer to the exact network.
    """

    largest: int = 127
    depthwise: int | None = 127
    per_channel: bool = True
    inputs: bool = False
    by_outputs: bool = False
    equalizes: bool = False
    narrows: bool = False

    def largest_of(self, layer: Layer) -> int | None:
        """Return the largest integer in a layer's kernel; None: it stays."""
        return self.depthwise if type(layer) is keras.layers.DepthwiseConv2D else self.largest

    def axes_of(self, layer: Layer) -> tuple[int, ...]:
        """Return the axes of a layer's kernel on which each place has a step of its own."""
        return CHANNEL_AXES[type(layer)] if self.per_channel else ()


CHANNEL_AXES: dict[type, tuple[int, ...]] = {
    keras.layers.Conv2D: (-1,),
    keras.layers.DepthwiseConv2D: (-2, -1),
    keras.layers.Dense: (-1,),
}
"""The layers whose kernels the TFLite converter rounds, and the axes of their channels."""

EIGHT_BITS = Rounding()
"""Each weight to the nearest."""
WEIGHTS = Rounding(by_outputs=True)
INTEGERS = Rounding(inputs=True, by_outputs=True, equalizes=True, narrows=True)
