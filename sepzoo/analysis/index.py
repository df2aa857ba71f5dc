"""Writing the catalog's index of counts: `python -m sepzoo.analysis.index`, or of some networks: `… 'tinynet*'`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import keras

import sepzoo.catalog.index
from sepzoo.analysis.profiling import profile
from sepzoo.applications import build, list_models
from sepzoo.catalog.index import Counts, index
from sepzoo.support.atomic import atomic_write

PATH = Path(sepzoo.catalog.index.__file__).with_name("index.json")


def derive(name: str) -> Counts:
    """Return a network's counts from the network itself, built with shapes alone and no values.

    Example:
        >>> derive("cifar_mobilenetv1_w1d4_bsconvu").macs
        17107456
    """
    with keras.StatelessScope(initialize_variables=False):
        found = profile(build(name))
    keras.utils.clear_session(free_memory=False)  # forgets the variables that wait for values
    return Counts(found.params, found.trainable_params, found.macs)


def write(pattern: str = "*", path: Path = PATH) -> None:
    """Build each listed network of a pattern and write what it weighs, one line each; the others' lines stay."""
    known: Mapping[str, Counts] = {} if pattern == "*" else index()
    counts = {**known, **{name: derive(name) for name in list_models(pattern)}}
    ordered = [(name, counts[name]) for name in list_models() if name in counts]
    lines = [f' "{name}": {json.dumps([c.params, c.trainable, c.macs])}' for name, c in ordered]
    with atomic_write(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1] if sys.argv[1:] else "*")
