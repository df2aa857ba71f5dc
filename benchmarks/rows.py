"""Rows of a benchmark in a file."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write_rows(rows: Sequence[Any], path: Path) -> None:
    """Write dataclasses of one kind as CSV, a column for each field."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(rows[0])])
        writer.writeheader()
        writer.writerows(map(dataclasses.asdict, rows))
