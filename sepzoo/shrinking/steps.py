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
        first: whether it takes what comes to the layer, as a term begins with it; the first of a row does anyway.

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
    first: bool = dataclasses.field(default=False, compare=False)

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

    What a step gives waits until it is taken, and what comes to the layer until no step of the row takes it any more.

    Args:
        steps: of one layer.
        keeps_input: whether others need later what comes in.

    Example:
        >>> peak_values([Step("conv", 4, 2, (8, 8), (8, 8)), Step("conv", 2, 8, (8, 8), (8, 8))])
        640
    """
    row = list(steps)
    last = max((place for place, step in enumerate(row) if step.first), default=0)
    waiting: list[int] = []
    most = 0
    for place, step in enumerate(row):
        given = step.outputs * math.prod(step.given)
        comes = row[0].inputs * math.prod(row[0].taken) if keeps_input or place <= last else 0
        most = max(most, comes + sum(waiting) + given)
        if not (step.first or place == 0):
            del waiting[-(step.terms if step.kind in ("add", "concat") else 1) :]
        waiting.append(given)
    return most
