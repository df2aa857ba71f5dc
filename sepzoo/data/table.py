"""Photographs whose classes or values stand in a CSV file."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from sepzoo.data.class_names import check_class_names, in_class_order
from sepzoo.data.folder import FolderSource
from sepzoo.data.source import WHOLE, Source
from sepzoo.data.split import Split
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.printable import printable
from sepzoo.support.regular_file import why_missing


def is_table(name: str) -> bool:
    """Tell a CSV file from folders and TFDS names, by its suffix.

    Example:
        >>> is_table("photos.csv"), is_table("photos")
        (True, False)
    """
    return name.lower().endswith(".csv")


def table_splits(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the splits of a CSV file: those in its column `split`; without one all is `train`.

    Raises:
        SepzooError: see `open_table`.
    """
    _columns, rows = _rows(Path(path))
    return tuple(dict.fromkeys(row.get("split") or "train" for row in rows))


def open_table(
    path: str | os.PathLike[str],
    *,
    split: str = "train",
    image_size: tuple[int, int],
    channels: int = 3,
    preprocessing: Preprocessing = WHOLE,
) -> Source:
    r"""Return the photographs of a CSV file with a header: a column `path`, and `label` or values.

    Paths are seen from the file's folder. A column `label` holds one class name a photograph. Other columns hold
    numbers instead, such as 0 and 1 for labels that do not exclude one another, or what a network is to estimate; their
    names are the class names of the source, and `values` has them. A column `split` names the split of each row; slices
    in percent hold their share of every class. Photographs are decoded whenever they are asked for; what cannot be read
    is left out with a warning.

    Args:
        path: of the file.
        split: one of `table_splits(path)`, or a slice of it.
        image_size: (height, width) that each photograph is resized and centre-cropped to.
        channels: 1, 3 or 4.
        preprocessing: its crop fraction and interpolation are used.

    Raises:
        SepzooError: no such file or split, no such columns, a cell that is no number, no row.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in "ab":
        ...     Image.new("RGB", (8, 8)).save(folder / f"{name}.png")
        >>> _ = (folder / "ages.csv").write_text("path,age\na.png,31\nb.png,4.5\n")
        >>> source = open_table(folder / "ages.csv", image_size=(8, 8))
        >>> source.class_names, source.values.tolist()
        (('age',), [[31.0], [4.5]])
    """
    path, part = Path(path), Split.parse(split)
    columns, rows = _rows(path)
    known = table_splits(path)
    if part.name not in known:
        raise unknown(f"split of {path}", part.name, known)
    classes = in_class_order({row["label"] for row in rows}) if columns == ("label",) else ()
    mine = [row for row in rows if (row.get("split") or "train") == part.name]
    labels = np.array([classes.index(row["label"]) if classes else 0 for row in mine], np.int64)
    chosen = part.indices(labels)
    files = [path.parent / mine[index]["path"] for index in chosen]
    values = None
    if not classes:
        values = np.array([[_number(mine[index], name, path) for name in columns] for index in chosen], np.float32)
    source = FolderSource(
        files,
        labels[chosen] if classes else np.arange(len(files)),
        check_class_names(classes or columns, path),
        name=f"{path.stem} {split}",
        image_size=image_size,
        channels=channels,
        preprocessing=preprocessing,
        values=values,
    )
    kept = [index for index, _ in source.readable(path)]
    if not kept:
        raise SepzooError(f"{path}: expected photographs that can be read. Received: none of {len(source)}.")
    return source if len(kept) == len(source) else source.taken(kept)


def _rows(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """Return the names of the columns that are not `path` and `split`, and all rows."""
    missing = why_missing(path)
    if missing is not None or not path.is_file():
        raise SepzooError(
            f"expected a CSV file of paths and values. Received: {printable(str(path))}, which "
            f"{missing or 'is no file'}."
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header, rows = tuple(reader.fieldnames or ()), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise SepzooError(f"{printable(str(path))}: expected a CSV file of UTF-8 text. Received: {error}.") from None
    columns = tuple(name for name in header if name not in ("path", "split"))
    if (
        "path" not in header
        or not columns
        or ("label" in columns and len(columns) > 1)
        or len(set(header)) < len(header)
    ):
        raise SepzooError(
            f"{path}: expected a header with path and label, or path and columns of numbers, and split if you like. "
            f"Received: {', '.join(header) or 'none'}."
        )
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values() or not row["path"]:
            raise SepzooError(f"{path}, row {number}: expected {len(header)} cells. Received: {list(row.values())}.")
    if not rows:
        raise SepzooError(f"{path}: expected rows under the header. Received: none.")
    return columns, rows


def _number(row: dict[str, str], name: str, path: Path) -> float:
    try:
        value = float(row[name])
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise SepzooError(f"{path}: expected a number for {name} of {row['path']}. Received: {row[name]!r}.")
    return value
