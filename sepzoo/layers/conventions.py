"""Where two ports of one paper differ, though its table is the same."""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Literal

from sepzoo.support.arguments import Interval, checked, field_types

StridedPadding = Literal["same", "symmetric", "end"]
InitializerScheme = Literal["keras", "bsconv", "fan_out"]


class Affects(enum.Enum):
    """Mark of an argument's type: which trained weights depend on the argument."""

    NO_WEIGHTS = "acts in training alone, or on the positions at which the network is computed"
    HEAD = "acts in the classifier alone"


@dataclasses.dataclass(frozen=True)
class Conventions:
    """Where two ports of one paper differ, though its table is the same.

    Attributes:
        padding: of k x k convolutions: "same" (TensorFlow's), "symmetric" ((k-1)/2 on every side, PyTorch's), or "end"
            (when strided, at any size, the rows that "same" adds to an even one; Keras's MobileNet has it).
        input_batch_norm: a batch normalization on the pixels in place of a fixed mean and deviation.
        batch_norm_momentum: of every batch normalization, as Keras counts it (PyTorch's 0.1 is 0.9).
        batch_norm_epsilon: of every batch normalization.
        initializers: of the weights: "keras"; "bsconv", those of the BSConv authors' program; "fan_out", by a kernel's
            outputs and not its inputs, those of EfficientNet's program and MnasNet's.

    Raises:
        SepzooError: a value of another type or out of range.
    """

    padding: StridedPadding = "same"
    input_batch_norm: bool = False
    batch_norm_momentum: Annotated[float, Interval(0, below=1), Affects.NO_WEIGHTS] = 0.99
    batch_norm_epsilon: Annotated[float, Interval(above=0, at_most=1)] = 1e-3
    initializers: Annotated[InitializerScheme, Affects.NO_WEIGHTS] = "keras"

    def __post_init__(self) -> None:
        for name, hint in field_types(Conventions).items():
            checked(getattr(self, name), hint, name=name)
