"""What networks cost on this machine: time, of whole files and of each operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.benchmark.operator_costs import Costs, OperatorCost
    from sepzoo.benchmark.operator_making import make_operator
    from sepzoo.benchmark.operator_reading import read_operators
    from sepzoo.benchmark.operator_record import Operator, OperatorTensor
    from sepzoo.benchmark.operator_writing import operator_file

__all__ = [
    "Costs",
    "Operator",
    "OperatorCost",
    "OperatorTensor",
    "make_operator",
    "operator_file",
    "read_operators",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Costs": "sepzoo.benchmark.operator_costs",
        "Operator": "sepzoo.benchmark.operator_record",
        "OperatorCost": "sepzoo.benchmark.operator_costs",
        "OperatorTensor": "sepzoo.benchmark.operator_record",
        "make_operator": "sepzoo.benchmark.operator_making",
        "operator_file": "sepzoo.benchmark.operator_writing",
        "read_operators": "sepzoo.benchmark.operator_reading",
    },
)
