"""Tables as CSV files."""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sepzoo.analysis.profiling import LayerProfile, Profile
from sepzoo.files import written_whole


def write_csv(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Write a header and rows; None becomes an empty cell.

    Example:
        >>> import tempfile
        >>> write_csv(tempfile.mkdtemp() + "/a.csv", ["layer", "share"], [["conv", 0.5]]).read_text().splitlines()
        ['layer,share', 'conv,0.5']
    """
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return Path(path)


def costs_to_csv(profile: Profile, path: str | os.PathLike[str]) -> Path:
    """Write one line a layer: name, kind, output shape, parameters, multiply-accumulates, activation bytes.

    Example:
        >>> import tempfile, keras
        >>> from sepzoo.analysis import profile
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), keras.layers.Conv2D(32, 3, name="conv")])
        >>> costs_to_csv(profile(model), tempfile.mkdtemp() + "/costs.csv").read_text().splitlines()[1]
        'conv,Conv2D,6x6x32,4640,165888,4608'
    """
    rows = [
        ["x".join(map(str, value)) if isinstance(value, tuple) else value for value in dataclasses.astuple(layer)]
        for layer in profile.layers
    ]
    return write_csv(path, [field.name for field in dataclasses.fields(LayerProfile)], rows)
