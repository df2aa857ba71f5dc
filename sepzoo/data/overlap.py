"""Whether two splits have images in common, told by their intervals."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from sepzoo.support.errors import SepzooError

_PART = re.compile(r"(?P<name>[\w-]+)(\[(?P<start>[\w.%-]*)(?P<colon>:)?(?P<stop>[\w.%-]*)\])?")
_BORDER = re.compile(r"(?P<number>-?(\d[\d_]*(\.\d+)?|\.\d+))(?P<unit>%|shard)?")

PERCENT, SHARD, IMAGES = "%", "shard", ""


@dataclasses.dataclass(frozen=True)
class Part:
    """One of the parts that a split is written as, with `+` between them: a name, or a slice of one.

    Attributes:
        name: the named split.
        text: as it was written.
        start: where the slice starts, or None for the beginning; counted from the end where it is negative.
        stop: where it stops, likewise.
        unit: of both, as TFDS reads them: `PERCENT`, `SHARD` (files) or `IMAGES`.
    """

    name: str
    text: str
    start: float | None = None
    stop: float | None = None
    unit: str = PERCENT

    def interval(self, shards: Sequence[int] | None, *, in_percent: bool) -> tuple[float, float]:
        """Return the slice as it counts from the front: in percent, or in images of a split of these shards."""
        whole: float | None = 100.0 if in_percent else None if shards is None else sum(shards)

        def placed(border: float | None, end: float) -> float:
            if border is None:
                return end
            if self.unit == SHARD and shards is not None:
                if end and border <= 0:  # to TFDS, a stop at 0 is the end
                    border += len(shards)
                return sum(shards[: int(border)])
            if self.unit == PERCENT and not in_percent:
                border = round(border * (whole or 0) / 100)
            if border < 0:
                return max(0.0, border + (whole or 0))
            return border if whole is None else min(border, whole)

        return placed(self.start, 0), placed(self.stop, math.inf if whole is None else whole)

    @property
    def only_percent(self) -> bool:
        """Whether no border counts images or shards."""
        return self.unit == PERCENT

    @property
    def counts_from_the_front(self) -> bool:
        """Whether the borders are numbers of images, none of them counted from the end."""
        borders = [border for border in (self.start, self.stop) if border is not None]
        return not borders or (self.unit == IMAGES and min(borders) >= 0)


def parts_of(split: str) -> tuple[Part, ...]:
    """Return the parts of a split, as TFDS writes it.

    Raises:
        SepzooError: it is written otherwise.

    Example:
        >>> [part.name for part in parts_of("train[:10%] + test[500:]")]
        ['train', 'test']
    """
    return tuple(_part(text, split) for text in split.replace(" ", "").split("+"))


def _part(text: str, split: str) -> Part:
    match = _PART.fullmatch(text)
    borders = [match["start"], match["stop"]] if match else []
    found = [_BORDER.fullmatch(border) if border else None for border in borders]
    units = [border["unit"] for border in found if border and border["unit"]]
    unit = units[0] if units else IMAGES
    numbers = [None if border is None else float(border["number"].replace("_", "")) for border in found]
    readable = all(border is not None or not text for border, text in zip(found, borders, strict=True))
    whole = all(number is None or number.is_integer() for number in numbers)
    if not match or not readable or not (whole or unit == PERCENT):
        raise _misspelt(split)
    if match["start"] is None:
        return Part(match["name"], text)
    start, stop = numbers
    if not match["colon"]:  # one shard
        if start is None or unit != SHARD:
            raise _misspelt(split)
        return Part(match["name"], text, start, start + 1, unit)
    if start is stop is None:
        raise _misspelt(split)
    return Part(match["name"], text, start, stop, unit)


def _misspelt(split: str) -> SepzooError:
    return SepzooError(
        "expected a split as names and slices, such as train, train[20%:], train[:2shard] or train[:500]+extra. "
        f"Received: split={split!r}."
    )


def overlap(
    first: str,
    second: str,
    sizes: Mapping[str, int] | None = None,
    *,
    shards: Mapping[str, Sequence[int]] | None = None,
) -> str | None:
    """Return what two splits have in common, as text, or None where they have nothing.

    Args:
        first: a split as TFDS writes it: `train`, `train[20%:]`, `train[:500]+extra[-10%:]`.
        second: another.
        sizes: the number of images of each named split; needed where percent meet numbers of images, or such numbers
            are counted from the end.
        shards: the numbers of images in the files of each named split; needed where slices count these. They say the
            sizes too.

    Raises:
        SepzooError: a split is written otherwise, or `sizes` would be needed.

    Example:
        >>> overlap("train[:30%]", "test+train[20%:]")
        'train[20%:30%]'
        >>> overlap("train[:30%]", "train[30%:]") is None
        True
        >>> overlap("train[:500]", "train[40%:]", {"train": 1000})
        'train[400:500]'
    """
    files = {name: (size,) for name, size in (sizes or {}).items()} | {n: tuple(f) for n, f in (shards or {}).items()}
    return next(_common(parts_of(first), parts_of(second), files, shards or {}), None)


def _common(
    first: tuple[Part, ...],
    second: tuple[Part, ...],
    files: Mapping[str, Sequence[int]],
    shards: Mapping[str, Sequence[int]],
) -> Iterator[str]:
    for one, other in ((one, other) for one in first for other in second if one.name == other.name):
        in_percent, known = one.only_percent and other.only_percent, files.get(one.name)
        if SHARD in (one.unit, other.unit) and one.name not in shards:
            raise SepzooError(
                f"expected slices in percent or images. Received: {one.text} and {other.text}, of a split whose shards "
                "nobody counted."
            )
        if not in_percent and known is None and not (one.counts_from_the_front and other.counts_from_the_front):
            raise SepzooError(
                f"expected slices of one unit, percent or images. Received: {one.text} and {other.text}. Write both in "
                "percent."
            )
        # Where the size is known, images count too: a slice of the last percent, of few images, begins at the first.
        for unit in (PERCENT, IMAGES) if in_percent and known is not None else (PERCENT if in_percent else IMAGES,):
            intervals = [part.interval(known, in_percent=unit == PERCENT) for part in (one, other)]
            start, stop = max(begin for begin, _ in intervals), min(end for _, end in intervals)
            if start < stop:
                whole = 100.0 if unit == PERCENT else math.inf if known is None else sum(known)
                begin, end = f"{start:.6g}{unit}" if start else "", f"{stop:.6g}{unit}" if stop != whole else ""
                yield f"{one.name}[{begin}:{end}]" if begin or end else one.name
