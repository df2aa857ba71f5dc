"""What operators cost on this machine: measured once, then read from a table."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from sepzoo.benchmark.cost_table import CostTable
from sepzoo.benchmark.machine import Machine, this_machine
from sepzoo.benchmark.operator_making import make_operator
from sepzoo.benchmark.operator_reading import read_operators
from sepzoo.benchmark.operator_record import Operator
from sepzoo.benchmark.operator_timing import CALL, Timing, time_operators, without_call
from sepzoo.support.errors import SepzooError

_AT_ONCE = 64
"""Operators that take turns, then are written: a break loses no more, and their weights fit into memory."""

_READERS = [make_operator("dense", (1, side), filters=side) for side in (1024, 2048, 4096)]
"""Do little more than to read 4, 16 and 64 MiB of weights."""


@dataclasses.dataclass(frozen=True)
class OperatorCost:
    """An operator and its time.

    Attributes:
        operator: what was measured.
        ms: milliseconds.
    """

    operator: Operator
    ms: float


class Costs:
    """Milliseconds of TFLite's operators on this machine, in LiteRT.

    Each operator is a file of its own and takes turns with others; its time is the low quartile of its runs. It is
    measured once for each machine, version of LiteRT and number of threads, and kept on disk.

    An operator that runs alone has its weights in the cache. Those of a network that is larger than the cache come from
    memory at each run: `ms` adds the time of that for the `weights` of such a network, as `of_file` does for a file's.
    It also pays the price of a call, about a microsecond, which a file pays once: that is taken off. So the operators
    of a file add up to about the time of the whole (docs/performance.md says how nearly).

    The machine may be slow for a while. So a reference operator runs in the same turns, and times are given as if the
    reference had taken no longer than it ever did.

    Args:
        threads: that each operator may use.
        folder: of the tables; None: `$SEPZOO_CACHE/operators`, else `~/.cache/sepzoo/operators`.

    Raises:
        SepzooError: less than one thread.

    Example:
        >>> from sepzoo.benchmark import make_operator
        >>> import tempfile
        >>> costs = Costs(folder=tempfile.mkdtemp())
        >>> small = make_operator("conv", (1, 14, 14, 32), filters=32, kernel_size=3)
        >>> large = make_operator("conv", (1, 56, 56, 32), filters=32, kernel_size=3)
        >>> low, high = costs.ms([small, large])
        >>> low < high
        True
    """

    def __init__(self, *, threads: int = 1, folder: str | os.PathLike[str] | None = None) -> None:
        if threads < 1:
            raise SepzooError(f"expected at least one thread. Received: threads={threads}.")
        self._table = CostTable.of(this_machine(), threads, None if folder is None else Path(folder))
        self._known = self._table.read()

    @property
    def machine(self) -> Machine:
        """Whose times they are."""
        return self._table.machine

    @property
    def threads(self) -> int:
        """That each operator may use."""
        return self._table.threads

    @property
    def reference_ms(self) -> float:
        """Of the reference operator at the machine's full speed; 1 before anything was measured."""
        return min((each.reference_ms for each in self._known.values()), default=1.0)

    @property
    def path(self) -> Path:
        """Of the table's file, which is there once something was measured."""
        return self._table.path

    def ms(self, operators: Iterable[Operator], *, weights: int = 0) -> list[float]:
        """Return the milliseconds of each operator; those that the table lacks are measured, in turns.

        Args:
            operators: whose time is wanted.
            weights: bytes of the weights of the network that they belong to; what the cache doesn't hold is read anew.

        Raises:
            SepzooError: LiteRT can't run one of them, or the table's folder can't be written to.
        """
        wanted = list(operators)
        missing = list({each.key: each for each in (CALL, *wanted) if each.key not in self._known}.values())
        for start in range(0, len(missing), _AT_ONCE):
            self._measure(missing[start : start + _AT_ONCE])
        fastest = self.reference_ms
        call_ms, *found = (_at_speed(self._known[each.key], fastest) for each in (CALL, *wanted))
        reading = self.reading_ms(wanted, weights=weights)
        return [without_call(ms, call_ms) + more for ms, more in zip(found, reading, strict=True)]

    def reading_ms(self, operators: Sequence[Operator], *, weights: int) -> list[float]:
        """Return the milliseconds in which each operator's weights come from memory; none where the cache holds them.

        Args:
            operators: of a network.
            weights: bytes of the network's weights.

        Raises:
            SepzooError: the table's folder can't be written to.
        """
        if weights <= self.machine.cache:
            return [0.0] * len(operators)
        speeds = [each.weights / ms for each, ms in zip(_READERS, self.ms(_READERS), strict=True)]
        speed = float(np.interp(math.log(weights), [math.log(each.weights) for each in _READERS], speeds))
        return [each.weights / speed for each in operators]

    def of_file(self, file: str | os.PathLike[str] | bytes, *, trust: bool = False) -> tuple[OperatorCost, ...]:
        """Return the operators of a `.tflite` file with their times, in the order in which they run.

        Args:
            file: the path of the file, or its content.
            trust: as `read_operators` takes it.

        Raises:
            SepzooError: what `read_operators` and `ms` raise.
        """
        operators = read_operators(file, trust=trust)
        found = self.ms(operators, weights=sum(each.weights for each in operators))
        return tuple(map(OperatorCost, operators, found))

    def _measure(self, operators: Sequence[Operator]) -> None:
        found = time_operators(operators, threads=self._table.threads)
        timings = {each.key: timing for each, timing in zip(operators, found, strict=True)}
        self._known = self._table.add(timings)


def _at_speed(timing: Timing, fastest: float) -> float:
    return timing.ms * fastest / timing.reference_ms
