"""Accuracy against cost of the arms of a study, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sepzoo.support.figure_file import figure_file
from sepzoo.training.study import Study
from sepzoo.training.study_rows import Row
from sepzoo.training.study_table import arms_of, short_values


def plot_study(study: Study, rows: Sequence[Row], path: Path) -> bool:
    """Write a PNG of each arm's mean accuracy over its multiply-accumulates, with the single runs as faint points.

    Bars are one standard deviation of the seeds to each side.

    Args:
        study: whose metric is shown.
        rows: of its finished runs; those that chose a value are left out.
        path: of the file.

    Returns:
        Whether there was anything to draw.
    """
    arms = arms_of(study, rows)
    if not arms:
        return False
    metric = study.metric.replace("_", " ")
    with figure_file(path, size=(7, 4.5)) as figure:
        axes = figure.subplots()
        for number, arm in enumerate(arms):
            color = f"C{number % 10}"
            values = short_values(arm.values)
            name = f"{arm.name} ({values})" if values else arm.name
            seeds = [
                row.measured(study.metric)
                for row in rows
                if (row.arm, row.values, row.choosing) == (arm.name, arm.values, False)
            ]
            axes.plot([arm.macs] * len(seeds), seeds, ".", color=color, alpha=0.4)
            axes.errorbar(arm.macs, arm.mean, yerr=arm.deviation, fmt="o", color=color, capsize=4, label=name)
        costs = {arm.macs for arm in arms}
        if max(costs) > 10 * min(costs):
            axes.set_xscale("log")
        axes.set(xlabel="multiply-accumulates for one image", ylabel=metric, title=study.name)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return True
