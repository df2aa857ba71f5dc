"""The operators of a file beside what the machine could do: which are bound by what."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from sepzoo.benchmark.operator_costs import Costs, OperatorCost
from sepzoo.benchmark.operator_reading import read_operators
from sepzoo.benchmark.operator_record import Operator
from sepzoo.benchmark.operator_timing import (
    CALL,
    FILE_TURNS,
    REFERENCE,
    file_run,
    low_quartiles_ms,
    operator_run,
    without_call,
)
from sepzoo.benchmark.roofline import Bound, Roofline
from sepzoo.support.types import Json

_TURN_SECONDS = 1e-3


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

    The operators and the whole file are measured in turns, so that a machine which is slow for a while is so for both;
    the roofline is read from the table of `costs`.

    Args:
        path: of the file.
        costs: of this machine, with a number of threads.
        trust: as `read_operators` takes it.

    Raises:
        SepzooError: no such file, a damaged one, or one with operators that can't stand alone.
    """
    operators = read_operators(path, trust=trust)
    rooflines = {dtype: Roofline.measure(costs, dtype) for dtype in sorted({_numbers(each) for each in operators})}
    whole_ms, *own = _in_turns(Path(path).read_bytes(), operators, costs)
    reading = costs.reading_ms(operators, weights=sum(each.weights for each in operators))
    layers = []
    for operator, ms, more in zip(operators, own, reading, strict=True):
        roofline = rooflines[_numbers(operator)]
        cost = OperatorCost(operator, ms + more)
        layers.append(LayerCost(cost, roofline.limit_ms(operator), roofline.bound(operator, cost.ms)))
    return LayerCosts(Path(path).name, tuple(layers), whole_ms, rooflines)


def _numbers(operator: Operator) -> str:
    """Return the type of numbers whose roofline an operator is held against."""
    return "int8" if operator.dtype == "int8" else "float32"


def _in_turns(content: bytes, operators: Sequence[Operator], costs: Costs) -> list[float]:
    """Return the milliseconds of a file and of each operator without the call, as if the machine were at its best."""
    distinct = {each.key: each for each in operators}
    runs = [file_run(content, costs.threads)]
    runs += [operator_run(each, costs.threads) for each in (REFERENCE, CALL, *distinct.values())]
    whole_ms, reference, call_ms, *each_ms = low_quartiles_ms(
        runs, threads=costs.threads, turns=FILE_TURNS, turn_seconds=_TURN_SECONDS
    )
    speed = min(costs.reference_ms / reference, 1.0)
    found = dict(zip(distinct, each_ms, strict=True))
    return [speed * without_call(ms, call_ms) for ms in (whole_ms, *(found[each.key] for each in operators))]
