"""What networks cost on this machine: time, of whole files and of each operator, and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.benchmark.kept_results import keep_results, read_kept_results
    from sepzoo.benchmark.layer_costs import LayerCost, LayerCosts, measure_layers
    from sepzoo.benchmark.machine import Machine, this_machine
    from sepzoo.benchmark.operator_costs import Costs, OperatorCost
    from sepzoo.benchmark.operator_making import make_operator
    from sepzoo.benchmark.operator_reading import read_operators
    from sepzoo.benchmark.operator_record import Operator, OperatorTensor
    from sepzoo.benchmark.operator_writing import operator_file
    from sepzoo.benchmark.pictures import plot_layers, plot_results
    from sepzoo.benchmark.result import BenchmarkResult, Spread
    from sepzoo.benchmark.roofline import Roofline
    from sepzoo.benchmark.running import run
    from sepzoo.benchmark.tables import layers_table, results_table, write_results

__all__ = [
    "BenchmarkResult",
    "Costs",
    "LayerCost",
    "LayerCosts",
    "Machine",
    "Operator",
    "OperatorCost",
    "OperatorTensor",
    "Roofline",
    "Spread",
    "keep_results",
    "layers_table",
    "make_operator",
    "measure_layers",
    "operator_file",
    "plot_layers",
    "plot_results",
    "read_kept_results",
    "read_operators",
    "results_table",
    "run",
    "this_machine",
    "write_results",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BenchmarkResult": "sepzoo.benchmark.result",
        "Costs": "sepzoo.benchmark.operator_costs",
        "LayerCost": "sepzoo.benchmark.layer_costs",
        "LayerCosts": "sepzoo.benchmark.layer_costs",
        "Machine": "sepzoo.benchmark.machine",
        "Operator": "sepzoo.benchmark.operator_record",
        "OperatorCost": "sepzoo.benchmark.operator_costs",
        "OperatorTensor": "sepzoo.benchmark.operator_record",
        "Roofline": "sepzoo.benchmark.roofline",
        "Spread": "sepzoo.benchmark.result",
        "keep_results": "sepzoo.benchmark.kept_results",
        "layers_table": "sepzoo.benchmark.tables",
        "make_operator": "sepzoo.benchmark.operator_making",
        "measure_layers": "sepzoo.benchmark.layer_costs",
        "operator_file": "sepzoo.benchmark.operator_writing",
        "plot_layers": "sepzoo.benchmark.pictures",
        "plot_results": "sepzoo.benchmark.pictures",
        "read_kept_results": "sepzoo.benchmark.kept_results",
        "read_operators": "sepzoo.benchmark.operator_reading",
        "results_table": "sepzoo.benchmark.tables",
        "run": "sepzoo.benchmark.running",
        "this_machine": "sepzoo.benchmark.machine",
        "write_results": "sepzoo.benchmark.tables",
    },
)
