"""Writing the catalog's index: `python -m sepzoo.analysis.index`, or of some networks: `… 'tinynet*'`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import keras

import sepzoo.catalog.index
from sepzoo.analysis.profiling import profile
from sepzoo.applications import build, list_models
from sepzoo.catalog.card import weight_files
from sepzoo.catalog.index import Listed, index
from sepzoo.catalog.registry import find
from sepzoo.support.atomic import atomic_write

PATH = Path(sepzoo.catalog.index.__file__).with_name("index.json")


def derive(name: str) -> Listed:
    """Return what a network is, from its record, and its counts from the network itself.

    It is built with shapes alone and no values.

    Example:
        >>> derive("cifar_mobilenetv1_w1d4_bsconvu").macs
        17107456
    """
    family, spec = find(name)
    with keras.StatelessScope(initialize_variables=False):
        found = profile(build(name))
    keras.utils.clear_session(free_memory=False)  # forgets the variables that wait for values
    return Listed(
        family=family.name,
        kind=spec.conv or "own",
        dataset=spec.dataset,
        input=spec.takes,
        weights=bool(weight_files(family, spec)),
        params=found.params,
        trainable=found.trainable_params,
        macs=found.macs,
    )


def write(pattern: str = "*", path: Path = PATH) -> None:
    """Build each listed network of a pattern and write what it is and weighs, a line each; the others' lines stay."""
    known: Mapping[str, Listed] = {} if pattern == "*" else index()
    rows = {**known, **{name: derive(name) for name in list_models(pattern)}}
    lines = [f' "{name}": {json.dumps(dataclasses.asdict(rows[name]))}' for name in list_models() if name in rows]
    with atomic_write(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1] if sys.argv[1:] else "*")
