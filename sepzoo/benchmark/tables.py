"""What was measured, as tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sepzoo.benchmark.layer_costs import LayerCosts
from sepzoo.benchmark.operator_record import Operator
from sepzoo.benchmark.result import BenchmarkResult
from sepzoo.support.csv_file import write_csv
from sepzoo.support.table import table

_HEADER = (
    "target", "runtime", "threads", "batch", "first ms", "ms", "p90", "least", "samples/s", "peak MiB", "KiB", "ratio",
)  # fmt: skip


def results_table(results: Sequence[BenchmarkResult]) -> str:
    """Return results as text; the ratio is to the first target, with as many threads and samples, turn by turn."""
    first = {(each.threads, each.batch): each for each in reversed(results)}
    rows = [
        (
            each.target,
            each.runtime,
            str(each.threads),
            str(each.batch),
            f"{each.first_ms:.1f}",
            each.latency.text(3),
            f"{each.p90_ms:.3f}",
            f"{each.least_ms:.3f}",
            f"{each.samples_per_second:,.0f}",
            "" if each.peak_memory is None else f"{each.peak_memory / 2**20:,.0f}",
            "" if each.size is None else f"{each.size / 1024:,.0f}",
            each.ratio_to(first[each.threads, each.batch]).text(2),
        )
        for each in results
    ]
    return table(_HEADER, rows, left=2)


def write_results(results: Sequence[BenchmarkResult], path: str | os.PathLike[str]) -> Path:
    """Write results as a CSV file, a row each."""
    rows = [each.to_dict() for each in results]
    return write_csv(path, list(rows[0]), [list(each.values()) for each in rows])


def layers_table(costs: LayerCosts) -> str:
    """Return the operators of a file as text: time, share of the whole, limit, and what it is."""
    header = ("operator", "output", "ms", "share", "limit ms", "of limit", "bound by")
    rows = [
        (
            _title(each.cost.operator),
            "x".join(map(str, each.cost.operator.outputs[0].shape)),
            f"{each.cost.ms:.4f}",
            f"{each.cost.ms / costs.sum_ms:.1%}",
            f"{each.limit_ms:.4f}",
            f"{each.limit_ms / each.cost.ms:.0%}",
            each.bound,
        )
        for each in costs.layers
    ]
    bounds = ", ".join(f"{costs.share(bound):.0%} {bound}" for bound in ("arithmetic", "memory", "neither"))
    peaks = "; ".join(
        f"{dtype}: {each.macs_per_ms / 1e6:,.0f} GMAC/s, {each.bytes_per_ms[-1] / 1e6:,.1f} GB/s from memory, "
        f"{max(each.bytes_per_ms) / 1e6:,.1f} from cache"
        for dtype, each in costs.rooflines.items()
    )
    total = (
        f"sum {costs.sum_ms:.3f} ms, whole file {costs.whole_ms:.3f} ms (sum/whole "
        f"{costs.sum_ms / costs.whole_ms:.2f}); of the time {bounds}"
    )
    return "\n".join([costs.name, table(header, rows, left=2), total, peaks])


def _title(operator: Operator) -> str:
    """Return an operator's name, with the size and stride of its window."""
    options = dict(operator.options)
    weights = operator.inputs[1].shape if len(operator.inputs) > 1 and operator.inputs[1] is not None else ()
    window = f" {weights[1]}x{weights[2]}" if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D") else ""
    stride = f" /{options['strideH']}" if options.get("strideH", 1) != 1 else ""
    return f"{operator.name.lower()}{window}{stride} {operator.dtype}"
