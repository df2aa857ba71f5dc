"""The confusion matrix of a network as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sepzoo.support.figure_file import figure_file

NAMED = 30
"""With more classes the axes bear no names, and the cells no numbers."""


def plot_confusion(confusion: np.ndarray, names: Sequence[str], path: Path, *, title: str) -> None:
    """Write a PNG: rows are what images are, columns what they are called, shades the share of the row.

    Args:
        confusion: counts, (classes, classes).
        names: of the classes.
        path: of the file.
        title: over the picture.
    """
    count = len(names)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    side = min(max(4.0, 0.42 * count + 2), 12.0)
    with figure_file(path, size=(side + 0.8, side)) as figure:
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        figure.colorbar(image, ax=axes, label="share of the images of a class", shrink=0.8)
        axes.set(xlabel="called", ylabel="is", title=title)
        if count <= NAMED:
            shown = [name if len(name) <= 20 else f"{name[:19]}…" for name in names]
            axes.set_xticks(range(count), shown, rotation=90)
            axes.set_yticks(range(count), shown)
            for row, column in zip(*np.nonzero(confusion), strict=True):
                color = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, f"{confusion[row, column]}", ha="center", va="center", color=color, fontsize=8)
