"""Pictures of what was measured, as PNG files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sepzoo.benchmark.layer_costs import LayerCosts
from sepzoo.benchmark.machine import this_machine
from sepzoo.benchmark.result import BenchmarkResult
from sepzoo.support.figure_file import figure_file

_COLOURS = {"arithmetic": "tab:blue", "memory": "tab:orange", "neither": "tab:gray"}


def plot_results(results: Sequence[BenchmarkResult], path: str | os.PathLike[str]) -> Path:
    """Write a picture of latencies: a bar for each result up to the median, with quartiles.

    Args:
        results: of one call of `run`.
        path: of the PNG file.
    """
    names = [f"{each.target}, {each.threads} thread{'s' * (each.threads > 1)}, batch {each.batch}" for each in results]
    spreads = [each.latency for each in results]
    with figure_file(path, size=(8, 1.2 + 0.35 * len(results))) as figure:
        axes = figure.subplots()
        around = [[each.median - each.low for each in spreads], [each.high - each.median for each in spreads]]
        axes.barh(range(len(results)), [each.median for each in spreads], xerr=around, color="tab:blue", alpha=0.7)
        axes.set_yticks(range(len(results)), names, fontsize=8)
        axes.invert_yaxis()
        axes.set(xlabel="milliseconds, median and quartiles", title=str(this_machine()))
        axes.title.set_fontsize(8)
    return Path(path)


def plot_layers(costs: LayerCosts, path: str | os.PathLike[str]) -> Path:
    """Write a roofline: each operator's speed over its multiply-accumulates a byte, below what the machine can do.

    The area of a dot is the operator's time. The slope is drawn for memory and for the fastest cache.

    Args:
        costs: of a file.
        path: of the PNG file.
    """
    with figure_file(path, size=(8, 5)) as figure:
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", title=costs.name)
        layers = [each for each in costs.layers if each.cost.operator.macs]
        intensities = [each.cost.operator.macs / each.cost.operator.bytes for each in layers] or [1.0]
        ends = [min(intensities) / 2, max(intensities) * 4]
        for (dtype, roofline), style in zip(costs.rooflines.items(), ("-", "--"), strict=False):
            steps = [ends[0] * (ends[1] / ends[0]) ** (step / 100) for step in range(101)]
            for speed, where in ((max(roofline.bytes_per_ms), "cache"), (roofline.bytes_per_ms[-1], "memory")):
                limits = [min(roofline.macs_per_ms, speed * each) / 1e6 for each in steps]
                axes.plot(
                    steps, limits, f"k{style}", alpha=0.8 if where == "memory" else 0.3, label=f"{dtype}, {where}"
                )
        for bound, colour in _COLOURS.items():
            own = [each for each in layers if each.bound == bound]
            axes.scatter(
                [each.cost.operator.macs / each.cost.operator.bytes for each in own],
                [each.cost.operator.macs / each.cost.ms / 1e6 for each in own],
                [20 + 2000 * each.cost.ms / costs.sum_ms for each in own],
                color=colour,
                alpha=0.6,
                label=f"bound by {bound}",
            )
        axes.set(xlabel="multiply-accumulates a byte", ylabel="10⁹ multiply-accumulates a second")
        axes.legend(fontsize=7)
    return Path(path)
