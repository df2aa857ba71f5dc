"""The table and the plot of training/decoupling_study.py, also of one that is not finished.

python training/decoupling_table.py runs/decoupling                    # the table, its numbers as CSV, the plot
python training/decoupling_table.py training/figures/decoupling.csv    # the plot alone, from the numbers
"""

from __future__ import annotations

import base64
import csv
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sepzoo.support.atomic import atomic_write
from sepzoo.support.csv_file import write_csv
from sepzoo.support.figure_file import figure_file
from sepzoo.support.table import table

Measured = dict[str, Any]
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "data_free": ("data_free: T terms in each layer, by singular values", {"color": "C0", "marker": "o"}),
    "budgeted": (
        "budgeted: the same MACs, spread over the layers",
        {"color": "C0", "marker": "o", "mfc": "white", "ls": "--"},
    ),
    "data_driven": ("data_driven: T terms in each layer, fitted to samples", {"color": "C1", "marker": "s"}),
    "budgeted_data": (
        "budgeted_data: the same MACs, spread over the layers",
        {"color": "C1", "marker": "s", "mfc": "white", "ls": "--"},
    ),
    "blueprint": ("blueprint: BSConv-U, batch norm measured anew", {"color": "C2", "marker": "^", "ls": ""}),
    "blueprint_s": ("blueprint_s: BSConv-S, p = .5", {"color": "C3", "marker": "v", "mfc": "none", "ls": ""}),
}
"""What the legend calls each method, and how it is drawn."""
ORDERS = {"pw_dw": "pointwise first (pw_dw)", "dw_pw": "depthwise first (dw_pw)"}
HEADER = ("order", "T", "method", "MACs", "params", "layer error", "accuracy", "to data-free", "tuned", "to data-free")


class Arm(NamedTuple):
    """The numbers of one network of the study; accuracies as shares."""

    order: str
    terms: int
    method: str
    macs: int
    params: int
    layer_error: float
    plain: float
    tuned: float

    @classmethod
    def of(cls, row: Measured) -> Arm:
        """Return the numbers of a line of arms.jsonl."""
        return cls(*(row[name] for name in cls._fields[:6]), row["plain"]["accuracy"], row["tuned"]["accuracy"])

    @classmethod
    def read(cls, file: Path) -> list[Arm]:
        """Return what `show` wrote to a CSV file."""
        with file.open(encoding="utf-8", newline="") as lines:
            found = [(row["order"], int(row["terms"]), row["method"], row) for row in csv.DictReader(lines)]
        return [cls(*first, *(float(row[name]) for name in cls._fields[3:])) for *first, row in found]


def show(folder: Path) -> str:
    """Return the table of a study's arms; write it and its plot."""
    lines = (folder / "arms.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if "plain" in row]
    whole = next(row for row in rows if row["method"] == "original")
    free = {(row["order"], row["terms"]): row for row in rows if row["method"] == "data_free"}
    cells = []
    for row in sorted(rows, key=lambda row: (row["order"], row["terms"])):
        beside = free.get((row["order"], row["terms"]), row)
        cells.append(
            [
                *(row["order"], str(row["terms"]), row["method"]),
                *(f"{row['macs'] / whole['macs']:.3f}", f"{row['params']:,}", f"{row['layer_error']:.4f}"),
                *(f"{100 * row['plain']['accuracy']:.2f}", _difference(row, beside, "plain")),
                *(f"{100 * row['tuned']['accuracy']:.2f}", _difference(row, beside, "tuned")),
            ]
        )
    numbers = [Arm.of(row) for row in rows]
    write_csv(folder / "decoupling.csv", Arm._fields, numbers)
    plot(numbers, folder / "decoupling.png")
    text = table(HEADER, cells, left=3)
    with atomic_write(folder / "decoupling.txt") as temporary:
        Path(temporary).write_text(text + "\n", encoding="utf-8")
    return text


def _difference(row: Measured, other: Measured, state: str) -> str:
    """Return the difference of two accuracies in points, with the standard error of the pairs."""
    if row is other:
        return ""
    right = [
        np.unpackbits(np.frombuffer(base64.b64decode(each[state]["correct"]), "uint8"))[: each["count"]].astype(int)
        for each in (row, other)
    ]
    gain = 100 * (right[0] - right[1])
    return f"{gain.mean():+.2f} ± {gain.std() / math.sqrt(len(gain)):.2f}"


def plot(arms: Sequence[Arm], path: Path) -> None:
    """Write the picture: accuracy against multiply-accumulates, a panel for each order, untrained and tuned."""
    whole = next(arm for arm in arms if arm.method == "original")
    panels = [(order, state) for state in ("plain", "tuned") for order in ORDERS]
    with figure_file(path, size=(11, 9)) as figure:
        grid = figure.subplots(2, 2, sharex=True, sharey="row")
        for axes, (order, state) in zip(grid.ravel(), panels, strict=True):
            for method, (label, style) in METHODS.items():
                own = sorted(
                    (arm for arm in arms if (arm.method, arm.order) == (method, order)), key=lambda arm: arm.macs
                )
                points = [arm.macs / 1e6 for arm in own], [100 * getattr(arm, state) for arm in own]
                axes.plot(*points, label=label, ms=7, **style)
            axes.axhline(100 * getattr(whole, state), color="k", lw=0.8, label="the dense network's accuracy")
            axes.axvline(whole.macs / 1e6, color="k", lw=0.8, ls=":", label="its multiply-accumulates")
            axes.set_title(f"{ORDERS[order]}, {'one epoch of fine-tuning' if state == 'tuned' else 'no training'}")
            axes.set(xlabel="million multiply-accumulates", ylabel="accuracy (%)")
            axes.grid(alpha=0.3)
        figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2)


if __name__ == "__main__":
    given = Path(sys.argv[1])
    if given.suffix == ".csv":
        plot(Arm.read(given), given.with_suffix(".png"))
    else:
        print(show(given))
