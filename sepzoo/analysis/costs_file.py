"""A profile as a CSV file."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from sepzoo.analysis.profiling import LayerProfile, Profile
from sepzoo.support.csv_file import write_csv


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
