"""What the studies of files share: which images a file answers right, and a table in which no row is made again."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sepzoo import inference


def right_answers(path: Path, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return of which images a file names the class."""
    return inference.open(path).predict(images).argmax(axis=1) == labels


def figure(value: float | None) -> str:
    """Return a number with four places at most; nothing where none is known."""
    return "" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows that are printed, and kept in a CSV file so that none is made again.

    Attributes:
        columns: their names, in order.
        path: of the file, which is there after the first row; None: the rows are only printed.
    """

    columns: tuple[str, ...]
    path: Path | None = None

    def has(self, **cells: object) -> bool:
        """Tell whether a row has these cells, or what was refused."""
        wanted = {column: str(value) for column, value in cells.items()}
        return any(wanted.items() <= row.items() for row in (*self.rows(), *self.refused().rows()))

    def add(self, row: Mapping[str, Any]) -> None:
        """Print a row, and put it into the file."""
        cells = [row[column] for column in self.columns]
        said = [f"{name} {cell}" for name, cell in zip(self.columns, cells, strict=True) if cell != ""]
        print("  ".join(said), flush=True)
        if self.path is None:
            return
        lines = [cells] if self.path.exists() and self.path.stat().st_size else [self.columns, cells]
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)

    def refuse(self, reason: str, **cells: str) -> None:
        """Say that what has these cells can't be had, and why, and keep it, so that it isn't tried again."""
        self.refused(*cells).add({**cells, "reason": reason})

    def refused(self, *columns: str) -> Table:
        """Return the table of what can't be had, in the file beside this one's whose name ends in `_refused`."""
        return Table((*columns, "reason"), self.path and self.path.with_stem(f"{self.path.stem}_refused"))

    def rows(self) -> list[dict[str, str]]:
        """Return the rows that the file has."""
        if self.path is None or not self.path.exists():
            return []
        return list(csv.DictReader(self.path.read_text(encoding="utf-8").splitlines()))
