"""The `.ts` files in which the UCR and UEA archives of series are handed out: text, a header, a line a series."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sepzoo.data.series_text import SeriesSet, as_numbers_of, read_text
from sepzoo.support.errors import SepzooError


def read_ts(path: Path) -> SeriesSet:
    r"""Return the series of a `.ts` file with their classes.

    A line holds the channels of a series, with colons between them and commas between the values, and at its end the
    class where the header says `@classLabel true`. The classes are those that the header names.

    Raises:
        SepzooError: no such file, or a line that is not of this form, with its number.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "Two_TRAIN.ts"
        >>> _ = path.write_text("@problemName Two\n@classLabel true up down\n@data\n1,2,3:0,0,1:up\n3,1:2,2:down\n")
        >>> found = read_ts(path)
        >>> [series.shape for series in found.series], found.labels, found.class_names
        ([(3, 2), (2, 2)], ('up', 'down'), ('up', 'down'))
    """
    lines = _meant(path)
    header: dict[str, list[str]] = {}
    for number, line in lines:
        key, *words = line.split()
        if key.lower() == "@data":
            break
        if not key.startswith("@"):
            raise _wrong(path, number, "a line of the header, @key value, and @data before the series", line)
        header[key.lower()] = words
    else:
        raise SepzooError(f"{path}: expected a .ts file with a line @data. Received: none.")
    _check_header(path, header)
    names = tuple(header.get("@classlabel", ["false"])[1:])
    series, labels = [], []
    for number, line in lines:
        channels = line.split(":")
        if names:
            labels.append(channels.pop().strip())
            if labels[-1] not in names:
                raise _wrong(path, number, f"one of the classes {', '.join(names)} at the end", labels[-1])
        place = f"{path}, line {number}"
        values = [as_numbers_of(channel.split(","), place) for channel in channels]
        lengths = sorted({len(each) for each in values})
        if len(lengths) != 1:
            raise _wrong(path, number, "channels of one length", f"{len(values)} of {lengths} steps")
        series.append(np.stack(values, axis=1))
    return SeriesSet(tuple(series), tuple(labels) if names else None, names)


def _meant(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of every line that is neither empty nor a comment."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        text = line.strip()
        if text and not text.startswith(("#", "%")):
            yield number, text


def _check_header(path: Path, header: dict[str, list[str]]) -> None:
    for key, meant in (("@timestamps", "times of the steps"), ("@targetlabel", "values instead of classes")):
        if header.get(key, ["false"])[:1] == ["true"]:
            raise SepzooError(
                f"{path}: expected series with classes or without. Received: {key[1:]} true, {meant}. Write the arrays "
                "as an .npz file: numpy.savez(path, inputs=..., labels=...)."
            )
    classes = header.get("@classlabel", ["false"])
    if classes[:1] == ["true"] and len(set(classes[1:])) < 2:
        raise SepzooError(
            f"{path}: expected two classes or more after @classLabel true. Received: {' '.join(classes[1:]) or 'none'}."
        )


def _wrong(path: Path, number: int, wanted: str, given: str) -> SepzooError:
    shown = given if len(given) <= 60 else f"{given[:60]}…"
    return SepzooError(f"{path}, line {number}: expected {wanted}. Received: {shown}.")
