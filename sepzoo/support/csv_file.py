"""Tables as CSV files."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from sepzoo.support.atomic import atomic_write


def write_csv(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a header and rows; None becomes an empty cell.

    Example:
        >>> import tempfile
        >>> write_csv(tempfile.mkdtemp() + "/a.csv", ["layer", "share"], [["conv", 0.5]]).read_text().splitlines()
        ['layer,share', 'conv,0.5']
    """
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return Path(path)
