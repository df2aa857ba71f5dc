"""Rows of text as an aligned table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sepzoo.support.printable import printable


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return rows under a header, one line each, the first `left` columns to the left and the others to the right.

    What would steer a terminal is written out (see `printable`), since cells may come out of foreign files.

    Example:
        >>> print(table(["layer", "params"], [["conv", "1,024"], ["dense", "10"]]))
        layer  params
        conv    1,024
        dense      10
    """
    lines = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
