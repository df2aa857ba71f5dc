"""Rows of a benchmark in a file."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

Row = TypeVar("Row")


def write_rows(rows: Sequence[Any], path: Path) -> None:
    """Write dataclasses of one kind as CSV, a column for each field."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(rows[0])])
        writer.writeheader()
        writer.writerows(map(dataclasses.asdict, rows))


def read_rows(kind: type[Row], path: Path) -> list[Row]:
    """Return dataclasses of a kind, whose fields are text or numbers, of what `write_rows` wrote."""
    types = get_type_hints(kind)
    with path.open(newline="") as file:
        return [kind(**{name: types[name](text) for name, text in row.items()}) for row in csv.DictReader(file)]
