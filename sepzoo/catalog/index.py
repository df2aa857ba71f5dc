"""The generated index: what each listed network is and weighs, so that listing reads no family and builds nothing.

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


@dataclasses.dataclass(frozen=True)
class Listed(Counts):
    """A network, as `sepzoo list` knows it.

    Attributes:
        family: that it belongs to.
        kind: of its convolutions; "own" for the family's own form.
        dataset: that input and classes are made for.
        input: what it is made for: "image", "audio" or "series".
        weights: whether `build(name, weights="imagenet")` finds official weights.
    """

    family: str
    kind: str
    dataset: str
    input: str
    weights: bool


@functools.cache
def index() -> Mapping[str, Listed]:
    """Return what is known of every listed name, in the names' order.

    Example:
        >>> index()["mobilenet_v1"].trainable
        4231976
    """
    text = resources.files("sepzoo.catalog").joinpath("index.json").read_text(encoding="utf-8")
    return {name: Listed(**fields) for name, fields in json.loads(text).items()}
