"""What a way to compute a layer costs, step by step: one record for each operator that it becomes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Literal

StepKind = Literal["conv", "depthwise", "dense", "add", "concat"]
Bias = Literal["own", "zeros", "none"]
Places = tuple[int, int]


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
        terms: of a sum or a concatenation, how many tensors it takes.
        name: what the layer's name is followed by at this operator.
        bias: whether it has a bias of its own, one of zeros that is rounded by itself, or none.

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
    terms: int = 2
    name: str = dataclasses.field(default="", compare=False)
    bias: Bias = dataclasses.field(default="own", compare=False)

    @property
    def weights(self) -> int:
        """Numbers in its kernel."""
        if self.kind in ("add", "concat"):
            return 0
        return math.prod(self.kernel_size) * self.outputs * (1 if self.kind == "depthwise" else self.inputs)

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.weights * math.prod(self.given) * self.runs


def total_macs(steps: Iterable[Step]) -> int:
    """Return the multiply-accumulates of several steps."""
    return sum(step.macs for step in steps)


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
