"""Writing the catalog's index of counts: `python -m sepzoo.analysis.index`."""

from __future__ import annotations

import json
from pathlib import Path

import keras

import sepzoo.catalog.index
from sepzoo.analysis.profiling import profile
from sepzoo.applications import build, list_models
from sepzoo.catalog.index import Counts
from sepzoo.support.atomic import atomic_write

PATH = Path(sepzoo.catalog.index.__file__).with_name("index.json")


def derive(name: str) -> Counts:
    """Return a network's counts from the network itself, whose variables need shapes for that and no values.

    Example:
        >>> derive("cifar_mobilenetv1_w1d4_bsconvu").macs
        17107456
    """
    with keras.StatelessScope(initialize_variables=False):
        found = profile(build(name))
    keras.utils.clear_session(free_memory=False)  # forgets the variables that wait for values
    return Counts(found.params, found.trainable_params, found.macs)


def write(path: Path = PATH) -> None:
    """Build every listed network and write what it weighs, one line each."""
    counts = {name: derive(name) for name in list_models()}
    lines = [f' "{name}": {json.dumps([c.params, c.trainable, c.macs])}' for name, c in counts.items()]
    with atomic_write(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
