"""Whether two splits have images in common, told by their intervals."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping

from sepzoo.support.errors import SepzooError

_PART = re.compile(
    r"(?P<name>[\w-]+)(\[((?P<start>-?[\d_]+)(?P<start_percent>%)?)?:((?P<stop>-?[\d_]+)(?P<stop_percent>%)?)?\])?"
)


@dataclasses.dataclass(frozen=True)
class Part:
    """One of the parts that a split is written as, with `+` between them: a name, or a slice in percent or images.

    Attributes:
        name: the named split.
        text: as it was written.
        borders: where the slice starts and stops, each (number, whether it is in percent) or None for the end.
    """

    name: str
    text: str
    borders: tuple[tuple[int, bool] | None, tuple[int, bool] | None]

    def interval(self, size: int | None, *, in_percent: bool) -> tuple[float, float]:
        """Return the slice as it counts from the front: in percent, or in images of a split of `size` images."""
        whole = 100 if in_percent else size

        def placed(border: tuple[int, bool] | None, end: float) -> float:
            if border is None:
                return end
            number, percent = border
            if percent and not in_percent:
                number = round(number * (size or 0) / 100)
            if number < 0:
                return max(0, number + (whole or 0))
            return number if whole is None else min(number, whole)

        start, stop = self.borders
        return placed(start, 0), placed(stop, math.inf if whole is None else whole)

    @property
    def only_percent(self) -> bool:
        """Whether no border counts images."""
        return all(border is None or border[1] for border in self.borders)

    @property
    def counts_from_the_front(self) -> bool:
        """Whether the borders are numbers of images, none of them counted from the end."""
        return all(border is None or (not border[1] and border[0] >= 0) for border in self.borders)


def parts_of(split: str) -> tuple[Part, ...]:
    """Return the parts of a split, as TFDS writes it.

    Raises:
        SepzooError: it is written otherwise.

    Example:
        >>> [part.name for part in parts_of("train[:10%] + test[500:]")]
        ['train', 'test']
    """
    parts = []
    for text in split.replace(" ", "").split("+"):
        match = _PART.fullmatch(text)
        if not match:
            raise SepzooError(
                "expected a split as names and slices, such as train, train[20%:] or train[:500]+extra. "
                f"Received: split={split!r}."
            )
        borders = tuple(
            (int(match[border]), match[f"{border}_percent"] is not None) if match[border] else None
            for border in ("start", "stop")
        )
        parts.append(Part(match["name"], text, (borders[0], borders[1])))
    return tuple(parts)


def overlap(first: str, second: str, sizes: Mapping[str, int] | None = None) -> str | None:
    """Return what two splits have in common, as text, or None where they have nothing.

    Args:
        first: a split as TFDS writes it: `train`, `train[20%:]`, `train[:500]+extra[-10%:]`.
        second: another.
        sizes: the number of images of each named split; needed where percent meet numbers of images, or such numbers
            are counted from the end.

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
    return next(_common(parts_of(first), parts_of(second), sizes or {}), None)


def _common(first: tuple[Part, ...], second: tuple[Part, ...], sizes: Mapping[str, int]) -> Iterator[str]:
    for one, other in ((one, other) for one in first for other in second if one.name == other.name):
        in_percent, size = one.only_percent and other.only_percent, sizes.get(one.name)
        if not in_percent and size is None and not (one.counts_from_the_front and other.counts_from_the_front):
            raise SepzooError(
                f"expected slices of one unit, percent or images. Received: {one.text} and {other.text}. Write both in "
                "percent."
            )
        intervals = [part.interval(size, in_percent=in_percent) for part in (one, other)]
        start, stop = max(begin for begin, _ in intervals), min(end for _, end in intervals)
        if start < stop:
            unit, whole = ("%", 100.0) if in_percent else ("", math.inf if size is None else size)
            begin, end = f"{start:.0f}{unit}" if start else "", f"{stop:.0f}{unit}" if stop != whole else ""
            yield f"{one.name}[{begin}:{end}]" if begin or end else one.name
