"""Series in a CSV file: a row a step, a column a channel."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from sepzoo.data.class_names import in_class_order
from sepzoo.data.series_text import SeriesSet, as_numbers_of, read_text
from sepzoo.support.errors import SepzooError

FIRST = "series"
LABEL = "label"


def read_series_csv(path: Path) -> SeriesSet:
    r"""Return the series of a CSV file whose first column is `series`.

    It names the series that a row is a step of; the steps stand in their order. A column `label` holds the class of the
    series, the same in all its rows. All other columns are channels.

    Raises:
        SepzooError: no such file or no CSV file, no channel, a cell that is no number, a series of two classes.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "walks.csv"
        >>> _ = path.write_text("series,label,x,y\na,up,1,2\na,up,2,2\nb,down,3,1\nb,down,2,1\n")
        >>> found = read_series_csv(path)
        >>> found.series[0].tolist(), found.labels
        ([[1.0, 2.0], [2.0, 2.0]], ('up', 'down'))
    """
    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline="")))
    except csv.Error as error:
        raise SepzooError(f"{path}: expected a CSV file of series. Received: {error}.") from None
    header = [cell.strip() for cell in rows[0]] if rows else []
    places = [place for place, name in enumerate(header) if name not in (FIRST, LABEL)]
    if header[:1] != [FIRST] or not places or len(set(header)) < len(header):
        raise SepzooError(
            f"{path}: expected columns {FIRST}, {LABEL} and one for each channel, each once. Received: "
            f"{', '.join(header) or 'none'}."
        )
    label = header.index(LABEL) if LABEL in header else None
    steps: dict[str, list[np.ndarray]] = {}
    classes: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise SepzooError(f"{path}, row {number}: expected {len(header)} cells. Received: {len(row)}.")
        values = as_numbers_of([row[place] for place in places], f"{path}, row {number}")
        steps.setdefault(row[0], []).append(values)
        if label is not None and classes.setdefault(row[0], row[label]) != row[label]:
            raise SepzooError(
                f"{path}, row {number}: expected one class for all steps of series {row[0]}. Received: "
                f"{classes[row[0]]} and {row[label]}."
            )
    labels = None if label is None else tuple(classes[name] for name in steps)
    names = () if labels is None else in_class_order(set(labels))
    return SeriesSet(tuple(np.stack(each) for each in steps.values()), labels, names)
