"""What the files of series have in common: text, cells of numbers, series of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.regular_file import why_unreadable


@dataclass(frozen=True, eq=False)
class SeriesSet:
    """Series of any lengths.

    Attributes:
        series: float32 (steps, channels) each.
        labels: the class of each, by its name; None where the file has none.
        class_names: in the order of their numbers.
    """

    series: tuple[np.ndarray, ...]
    labels: tuple[str, ...] | None
    class_names: tuple[str, ...]


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        SepzooError: no such file, one that is too large, or no UTF-8 text.
    """
    reason = why_unreadable(path, most_bytes=BOUNDS.unpacked)
    if reason is not None:
        raise SepzooError(f"{path}: expected a file of series. Received: {reason}.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SepzooError(f"{path}: expected UTF-8 text. Received: other bytes.") from None


def as_numbers_of(cells: Sequence[str], place: str) -> np.ndarray:
    """Return cells of text as float32 numbers.

    Args:
        cells: of one channel or of one step.
        place: of them, for errors.

    Raises:
        SepzooError: one is no finite number; `?` stands for one that is missing.
    """
    try:
        values = np.array(cells, np.float64)
    except ValueError:
        values = np.array([_value(cell) for cell in cells])
    wrong = ~(np.abs(values) <= np.finfo(np.float32).max)
    if wrong.any():
        cell = cells[int(wrong.argmax())].strip() or "an empty cell"
        raise SepzooError(f"{place}: expected numbers. Received: {cell}. Fill what is missing.")
    return values.astype(np.float32)


def _value(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan
