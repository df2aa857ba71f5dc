"""What others published of these networks, each figure with its source; never mixed with ours."""

from __future__ import annotations

import csv
import dataclasses
import functools
from importlib import resources

BSCONV_PAPER = "2003.13549"


@dataclasses.dataclass(frozen=True)
class Published:
    """One published figure.

    Attributes:
        arxiv: number of the paper that it is of or about.
        name: our name of the network, or "" where the figure is of another one, or of a family.
        dataset: as the source calls it.
        variant: the network in the source's words.
        metric: what is measured.
        value: as printed; mostly a number.
        params: parameters as printed, or "".
        macs: multiply-accumulates as printed, or "".
        source: where it stands, and how sure that is.
    """

    arxiv: str
    name: str
    dataset: str
    variant: str
    metric: str
    value: str
    params: str
    macs: str
    source: str


@functools.cache
def published() -> tuple[Published, ...]:
    """Return every published figure that is on record.

    Example:
        >>> next(row.value for row in published() if row.name == "cifar_mobilenetv1_w1_bsconvu")
        '94.48'
    """
    text = resources.files("sepzoo.catalog").joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(Published(**row) for row in csv.DictReader(text.splitlines()))
