"""What a user may choose of a `.tflite` file beside its mode."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal

from sepzoo.support.errors import SepzooError, unknown

Edges = Literal["uint8", "int8", "float"]
"""The type of an integer file's inputs and outputs."""

EDGES: tuple[Edges, ...] = ("uint8", "int8", "float")
AUTO = "auto"
LEAST_AGREEMENT = 0.98
"""What the search for float layers reaches where nobody says."""

_LARGEST_BATCH = 1024


@dataclasses.dataclass(frozen=True)
class TfliteOptions:
    """What may be chosen of a `.tflite` file beside its mode.

    Attributes:
        edges: type of the inputs and outputs of a file of integers: "uint8", "int8" or "float"; None: the mode's own.
            mediapipe and browsers take uint8 and float only.
        keep_float: names of layers, or shell patterns, that stay float in a file that rounds; or "auto": as many as it
            takes.
        agreement: with "auto": the least share of the samples on which file and model shall name the same class; None:
            0.98, or none where `max_drop` is given.
        max_drop: with "auto", which it implies: the most accuracy that the file may lose, as a share.
        batch_sizes: numbers of samples that the file takes at a time, each a signature; 1 is always among them.
        c_array: whether the file is written as a C array too, beside it, for microcontrollers.
        layer_report: whether the error of each layer's output is measured and written beside the file.

    Example:
        >>> TfliteOptions(keep_float="block_1_*").keep_float
        ('block_1_*',)
        >>> TfliteOptions(batch_sizes=[8]).batch_sizes
        (1, 8)
    """

    edges: Edges | None = None
    keep_float: str | Iterable[str] = ()
    agreement: float | None = None
    max_drop: float | None = None
    batch_sizes: Iterable[int] = (1,)
    c_array: bool = False
    layer_report: bool = False

    def __post_init__(self) -> None:
        if self.edges is not None and self.edges not in EDGES:
            raise unknown("type at the edges", self.edges, EDGES)
        patterns = (self.keep_float,) if isinstance(self.keep_float, str) else tuple(self.keep_float)
        if not all(isinstance(pattern, str) and pattern for pattern in patterns):
            raise SepzooError(f"expected names of layers, or patterns, in keep_float. Received: {patterns!r}.")
        if self.max_drop is not None and not patterns:
            patterns = (AUTO,)
        if AUTO in patterns and len(patterns) > 1:
            raise SepzooError(f"expected keep_float='auto' alone, or names of layers. Received: {patterns!r}.")
        for name, share in (("agreement", self.agreement), ("max_drop", self.max_drop)):
            if share is None:
                continue
            if patterns != (AUTO,):
                raise SepzooError(f"expected {name} beside keep_float='auto'. Received: keep_float={patterns!r}.")
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise SepzooError(f"expected {name} as a share from 0 to 1. Received: {name}={share!r}.")
        sizes = tuple(self.batch_sizes)
        if not all(type(size) is int and 1 <= size <= _LARGEST_BATCH for size in sizes):
            raise SepzooError(
                f"expected batch_sizes as whole numbers from 1 to {_LARGEST_BATCH}. Received: {sizes!r}. A runtime of "
                "TFLite takes no batch of any size: name those that you want."
            )
        object.__setattr__(self, "keep_float", patterns)
        object.__setattr__(self, "batch_sizes", tuple(sorted({1, *sizes})))

    @property
    def searches(self) -> bool:
        """Whether the layers that stay float are to be found."""
        return self.keep_float == (AUTO,)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The names and patterns of `keep_float`; none of a search."""
        return () if self.searches else tuple(self.keep_float)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of samples, ascending."""
        return tuple(self.batch_sizes)
