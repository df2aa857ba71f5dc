"""What a way to compute a layer costs, step by step: one record for each operator that it becomes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Literal

StepKind = Literal["conv", "depthwise", "dense", "add"]
Places = tuple[int, int]

INT8_CHANNEL_BYTES = 28
"""Of each channel of an int8 file: the bias, and scale and zero point of it and of the channel's kernel."""
OPERATOR_BYTES = {True: 740, False: 250}
"""Of an operator with numbers, beside them, in an int8 or a float file: its own record, and its tensors', with names.
Measured on files that have one more: 642 to 787 and 188 to 334."""
SUM_BYTES = 75
"""Of a sum: up to 135."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One operator on one sample.

    Attributes:
        kind: what it computes.
        inputs: channels that it takes.
        outputs: channels that it gives.
        taken: rows and columns that it takes.
        given: rows and columns that it gives.
        kernel_size: of a convolution.
        strides: of a convolution.
        runs: how often it runs for one sample.
        valid: whether a convolution stays within what it takes, without padding.
        again: whether its numbers are in the file already, as the same layer runs on images of another size.

    Example:
        >>> step = Step("depthwise", 16, 16, (8, 8), (8, 8), (3, 3))
        >>> step.macs, step.weights
        (9216, 144)
    """

    kind: StepKind
    inputs: int
    outputs: int
    taken: Places = (1, 1)
    given: Places = (1, 1)
    kernel_size: Places = (1, 1)
    strides: Places = (1, 1)
    runs: int = 1
    valid: bool = False
    again: bool = False

    @property
    def weights(self) -> int:
        """Numbers in its kernel."""
        if self.kind == "add":
            return 0
        return math.prod(self.kernel_size) * self.outputs * (1 if self.kind == "depthwise" else self.inputs)

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.weights * math.prod(self.given) * self.runs

    def bytes(self, *, integers: bool) -> int:
        """Return what it takes in a file, with its numbers as 8-bit integers or in float32, the bias among them."""
        if self.kind == "add":
            return SUM_BYTES
        numbers = self.weights + INT8_CHANNEL_BYTES * self.outputs if integers else 4 * (self.weights + self.outputs)
        return (0 if self.again else numbers) + OPERATOR_BYTES[integers] * self.runs


def total_macs(steps: Iterable[Step]) -> int:
    """Return the multiply-accumulates of several steps."""
    return sum(step.macs for step in steps)


def total_bytes(steps: Iterable[Step], *, integers: bool) -> int:
    """Return what several steps take in a file."""
    return sum(step.bytes(integers=integers) for step in steps)


def peak_values(steps: Iterable[Step], *, keeps_input: bool = False) -> int:
    """Return how many values of steps in a row are in memory at once, at most.

    A sum keeps what comes in and what has been added so far while its next term is computed.

    Args:
        steps: of one layer.
        keeps_input: whether others need later what comes in.

    Example:
        >>> peak_values([Step("conv", 4, 2, (8, 8), (8, 8)), Step("conv", 2, 8, (8, 8), (8, 8))])
        640
    """
    row = list(steps)
    takes = [step.inputs * math.prod(step.taken) for step in row]
    gives = [step.outputs * math.prod(step.given) for step in row]
    summed = any(step.kind == "add" for step in row)
    kept = gives[-1] if summed else 0
    waits = [0] + [takes[0] if summed or keeps_input else 0] * (len(row) - 1) if row else []
    return max((sum(each) for each in zip(takes, gives, waits, strict=True)), default=0) + kept
