"""The table and the plot of training/decoupling_study.py, also of one that is not finished.

python training/decoupling_table.py runs/decoupling
"""

from __future__ import annotations

import base64
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sepzoo.support.atomic import atomic_write
from sepzoo.support.table import table

Row = dict[str, Any]
HEADER = ("order", "T", "method", "MACs", "params", "layer error", "accuracy", "to data-free", "tuned", "to data-free")


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
    _plot(rows, whole, folder / "decoupling.png")
    text = table(HEADER, cells, left=3)
    with atomic_write(folder / "decoupling.txt") as temporary:
        Path(temporary).write_text(text + "\n", encoding="utf-8")
    return text


def _difference(row: Row, other: Row, state: str) -> str:
    """Return the difference of two accuracies in points, with the standard error of the paired answers."""
    if row is other:
        return ""
    right = [
        np.unpackbits(np.frombuffer(base64.b64decode(each[state]["correct"]), "uint8"))[: each["count"]].astype(int)
        for each in (row, other)
    ]
    gain = 100 * (right[0] - right[1])
    return f"{gain.mean():+.2f} ± {gain.std() / math.sqrt(len(gain)):.2f}"


def _plot(rows: list[Row], whole: Row, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    panels = [(order, state) for state in ("plain", "tuned") for order in ("pw_dw", "dw_pw")]
    for axes, (order, state) in zip(figure.subplots(2, 2, sharex=True, sharey="row").ravel(), panels, strict=True):
        for method in dict.fromkeys(row["method"] for row in rows if row is not whole):
            own = [row for row in rows if (row["method"], row["order"]) == (method, order)]
            own.sort(key=lambda row: row["macs"])
            points = [row["macs"] / 1e6 for row in own], [100 * row[state]["accuracy"] for row in own]
            axes.plot(*points, "o-", label=method if own else None)
        axes.axhline(100 * whole[state]["accuracy"], color="k", lw=0.8)
        axes.axvline(whole["macs"] / 1e6, color="k", lw=0.8)
        axes.set(title=f"{order}, {'one epoch of fine-tuning' if state == 'tuned' else 'no training'}")
        axes.set(xlabel="million multiply-accumulates", ylabel="accuracy (%)")
        axes.grid(alpha=0.3)
        axes.legend()
    with atomic_write(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)


if __name__ == "__main__":
    print(show(Path(sys.argv[1])))
