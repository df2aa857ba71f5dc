"""Types of the arguments that families share: what `build` takes, in what range.

A family declares its arguments as a frozen dataclass `Arguments` with such types; `build`, cards and errors read it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from sepzoo.layers.activation_names import ActivationName
from sepzoo.layers.conventions import Affects
from sepzoo.support.arguments import Interval

__all__ = ["ActivationName", "Classifier", "Count", "OutputStride", "Rate", "Share", "Stride", "Units", "Width"]

Width = Annotated[float, Interval(above=0, at_most=64)]
"""Factor of channel numbers."""

Count = Annotated[int, Interval(1, 65536)]
"""Number of channels or the like."""

Units = Annotated[int, Interval(1, 1000)]
"""Number of units in a stage."""

Stride = Annotated[int, Interval(1, 32)]
"""Steps of a window."""

OutputStride = Annotated[Annotated[int, Interval(1)] | None, Affects.NO_WEIGHTS]
"""Total stride at most, by dilation instead (weights unchanged); None for all strides."""

Rate = Annotated[float, Interval(0, below=1), Affects.NO_WEIGHTS]
"""Share of what is dropped in training: values by dropout, branches by stochastic depth."""

Share = Annotated[float, Interval(0, 1), Affects.NO_WEIGHTS]
"""Share of samples that are treated differently in training."""

Classifier = Annotated[Literal["conv", "dense"], Affects.HEAD]
"""Form of the classifier: a 1 x 1 convolution or a dense layer."""
