"""The operators of a file beside what the machine could do: which are bound by what."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

from sepzoo.benchmark.operator_costs import Costs, OperatorCost
from sepzoo.benchmark.operator_record import Operator
from sepzoo.benchmark.operator_timing import FILE_TURN_SECONDS, FILE_TURNS, REFERENCE, file_run, operator_run
from sepzoo.benchmark.roofline import Bound, Roofline
from sepzoo.benchmark.turns import low_quartile, times_in_turns
from sepzoo.support.types import Json


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """An operator, its time and its limit.

    Attributes:
        cost: the operator and its milliseconds.
        limit_ms: that it takes at least on this machine.
        bound: what the limit is.
    """

    cost: OperatorCost
    limit_ms: float
    bound: Bound


@dataclasses.dataclass(frozen=True)
class LayerCosts:
    """The operators of a file. `measure_layers` makes it.

    Attributes:
        name: of the file.
        layers: its operators in their order.
        whole_ms: of the whole file, as the operators' times are measured: low quartile, at the machine's full speed.
        rooflines: type of numbers -> the machine's limits.
    """

    name: str
    layers: tuple[LayerCost, ...]
    whole_ms: float
    rooflines: dict[str, Roofline]

    @property
    def sum_ms(self) -> float:
        """Of all operators."""
        return sum(each.cost.ms for each in self.layers)

    def share(self, bound: Bound) -> float:
        """Return the share of the time that goes to operators of one limit."""
        return sum(each.cost.ms for each in self.layers if each.bound == bound) / self.sum_ms

    def to_dict(self) -> dict[str, Json]:
        """Return all of it as JSON holds it."""
        return {
            "name": self.name,
            "whole_ms": self.whole_ms,
            "sum_ms": self.sum_ms,
            "rooflines": {dtype: dataclasses.asdict(each) for dtype, each in self.rooflines.items()},
            "layers": [
                {
                    "operator": str(each.cost.operator),
                    "ms": each.cost.ms,
                    "macs": each.cost.operator.macs,
                    "bytes": each.cost.operator.bytes,
                    "limit_ms": each.limit_ms,
                    "bound": each.bound,
                }
                for each in self.layers
            ],
        }


def measure_layers(path: str | os.PathLike[str], costs: Costs, *, trust: bool = False) -> LayerCosts:
    """Return the operators of a `.tflite` file beside the roofline of this machine.

    Args:
        path: of the file.
        costs: which measure operators, with a number of threads.
        trust: as `read_operators` takes it.

    Raises:
        SepzooError: no such file, a damaged one, or one with operators that can't stand alone.
    """
    found = costs.of_file(path, trust=trust)
    rooflines = {dtype: Roofline.measure(costs, dtype) for dtype in sorted({_numbers(each.operator) for each in found})}
    layers = []
    for each in found:
        roofline = rooflines[_numbers(each.operator)]
        layers.append(LayerCost(each, roofline.limit_ms(each.operator), roofline.bound(each.operator, each.ms)))
    return LayerCosts(Path(path).name, tuple(layers), _whole_ms(Path(path), costs), rooflines)


def _numbers(operator: Operator) -> str:
    """Return the type of numbers whose roofline an operator is held against."""
    return "int8" if operator.dtype == "int8" else "float32"


def _whole_ms(path: Path, costs: Costs) -> float:
    """Return the milliseconds of a file, as if the reference operator had run at its best beside it."""
    runs = [operator_run(REFERENCE, costs.threads), file_run(path.read_bytes(), costs.threads)]
    clock = time.thread_time if costs.threads == 1 else time.perf_counter
    reference, whole_ms = (
        1000 * low_quartile(series)
        for series in times_in_turns(runs, turns=FILE_TURNS, turn_seconds=FILE_TURN_SECONDS, clock=clock)
    )
    return whole_ms * min(costs.reference_ms / reference, 1.0)
