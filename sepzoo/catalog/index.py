"""The generated index: what each listed network weighs, so that listing needs no building.

`python -m sepzoo.analysis.index` writes it; a test derives it again.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from importlib import resources


@dataclasses.dataclass(frozen=True)
class Counts:
    """A network's size at its default input and classes.

    Attributes:
        params: all parameters, moving statistics included.
        trainable: parameters that training changes.
        macs: multiply-accumulates of convolutions and dense layers, for one image.
    """

    params: int
    trainable: int
    macs: int


@functools.cache
def index() -> Mapping[str, Counts]:
    """Return the counts of every listed name.

    Example:
        >>> index()["mobilenet_v1"].trainable
        4231976
    """
    text = resources.files("sepzoo.catalog").joinpath("index.json").read_text(encoding="utf-8")
    return {name: Counts(*numbers) for name, numbers in json.loads(text).items()}
