"""Time as a cost: of each step as an operator of its own, and of whole files beside each other."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence

import numpy as np

from sepzoo.benchmark.operator_costs import Costs
from sepzoo.benchmark.operator_making import make_operator
from sepzoo.benchmark.operator_record import Operator
from sepzoo.benchmark.operator_timing import FILE_TURN_SECONDS, FILE_TURNS, file_run
from sepzoo.benchmark.turns import times_in_turns
from sepzoo.shrinking.steps import Step
from sepzoo.support.errors import SepzooError

MOST_SPREAD = 0.25
"""Of the fastest turns; where a quarter of them is slower than this, nothing can be said."""


class StepTimes:
    """Milliseconds of steps on this machine, one thread, by the table of operators' times.

    Args:
        integers: whether they compute with 8-bit integers.
        costs: the table.
    """

    def __init__(self, *, integers: bool, costs: Costs | None = None) -> None:
        self.costs = costs or Costs(threads=1)
        self._dtype = "int8" if integers else "float32"
        self._known: dict[Step, float] = {}

    def measure(self, steps: Iterable[Step]) -> None:
        """Measure steps that the table lacks, in turns with each other."""
        new = [step for step in dict.fromkeys(steps) if step not in self._known]
        times = self.costs.ms([self._operator(step) for step in new])
        self._known |= {step: step.runs * ms for step, ms in zip(new, times, strict=True)}

    def __call__(self, step: Step) -> float:
        """Return the time of a step that was measured."""
        return self._known[step]

    def _operator(self, step: Step) -> Operator:
        shape = (1, *step.taken, step.inputs)
        if step.kind == "add":
            return make_operator("add", shape, dtype=self._dtype)
        if step.kind == "concat":  # each value is read and written once
            return make_operator("relu", shape, dtype=self._dtype)
        if step.kind == "dense":
            return make_operator("dense", (step.taken[0], step.inputs), filters=step.outputs, dtype=self._dtype)
        return make_operator(
            step.kind,
            shape,
            filters=step.outputs if step.kind == "conv" else None,
            kernel_size=step.kernel_size,
            strides=step.strides,
            padding="valid" if step.valid else "same",
            dtype=self._dtype,
        )


@dataclasses.dataclass(frozen=True)
class FileTime:
    """How long a file takes for one sample.

    Attributes:
        ms: milliseconds of processor time of the fastest run, one thread.
        spread: by how much a quarter of the turns was slower, as a share of that.
    """

    ms: float
    spread: float


def file_times(contents: Sequence[bytes]) -> list[FileTime]:
    """Return how long files take, in turns, so that what else the machine does strikes all of them alike.

    Args:
        contents: of `.tflite` files.

    Raises:
        SepzooError: the machine is too uneven for any figure.
    """
    runs = [file_run(content, 1) for content in contents]
    series = times_in_turns(runs, turns=FILE_TURNS, turn_seconds=FILE_TURN_SECONDS, clock=time.thread_time)
    found = []
    for each in series:
        turns = np.array([min(turn) for turn in each])
        least = float(turns.min())
        found.append(FileTime(1000 * least, float(np.percentile(turns, 75)) / least - 1.0))
    worst = max(each.spread for each in found)
    if worst > MOST_SPREAD:
        raise SepzooError(
            f"expected a machine on which times can be compared. Received: a quarter of the turns took {worst:.0%} "
            "longer than the fastest. Wait until it has less to do, or let multiply-accumulates stand for time: "
            "--costs macs (costs='macs')."
        )
    return found
