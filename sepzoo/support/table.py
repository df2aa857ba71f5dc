"""Rows of text as an aligned table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return rows under a header, one line each, the first `left` columns to the left and the others to the right.

    Example:
        >>> print(table(["layer", "params"], [["conv", "1,024"], ["dense", "10"]]))
        layer  params
        conv    1,024
        dense      10
    """
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
