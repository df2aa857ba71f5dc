"""Accuracy against cost of the arms of a study, as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sepzoo.support.figure_file import figure_file
from sepzoo.training.study import CASE, Study
from sepzoo.training.study_rows import Row
from sepzoo.training.study_table import Arm, arms_of, case_of, short_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS = 3
"""Panels beside each other, and columns of the legend, at most."""
_MARK, _LETTER = 0.6, 0.07
"""Inches of the legend that a mark takes with what is around it, and a letter."""


def plot_study(study: Study, rows: Sequence[Row], path: Path) -> bool:
    """Write a PNG of each arm's mean accuracy over its multiply-accumulates, with the single runs as faint points.

    Bars are one standard deviation of the seeds to each side. Each case has a panel of its own.

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
    cases: list[str | None] = [case for case in study.cases if any(case_of(arm.values) == case for arm in arms)]
    cases = cases or [None]
    across = min(len(cases), _ACROSS)
    down = math.ceil(len(cases) / across)
    width, height = (7, 4.5) if len(cases) == 1 else (4 * across, 3.2 * down)
    with figure_file(path, size=(width, height)) as figure:
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for axes, case in zip(panels, cases, strict=False):
            _draw(axes, study, [arm for arm in arms if case in (None, case_of(arm.values))], rows)
            axes.set_title(study.name if case is None else case)
        for axes in panels[len(cases) :]:
            axes.set_axis_off()
        handles, labels = panels[0].get_legend_handles_labels()
        columns = max(1, min(_ACROSS, int(width / (_MARK + _LETTER * max(map(len, labels))))))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=8)  # covers no point
    return True


def _draw(axes: Axes, study: Study, arms: Sequence[Arm], rows: Sequence[Row]) -> None:
    """Draw arms, each in a colour of its own."""
    for number, arm in enumerate(arms):
        color = f"C{number % 10}"
        values = short_values(arm.values, without=CASE)
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
    else:
        axes.locator_params(axis="x", nbins=3)  # large numbers are wide
    axes.set(xlabel="multiply-accumulates for one sample", ylabel=study.metric.replace("_", " "))
    axes.grid(alpha=0.3)
