"""`.safetensors` files: eight bytes of length, a header in JSON, the arrays' bytes behind it."""

from __future__ import annotations

import dataclasses
import math
from typing import BinaryIO

from sepzoo.artifact.inspection.records import Array
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.json_text import parse_json
from sepzoo.support.types import Json

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8}
"""Types that are read -> bytes of a value."""

_NUMPY = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """An array of the file: its type as the header calls it, its shape, and where its bytes lie behind the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    def described(self, name: str) -> Array:
        """Return what an inspection says of it."""
        return Array(name, self.shape, _NUMPY[self.dtype], self.end - self.begin)


def read_header(file: BinaryIO, size: int) -> tuple[dict[str, Entry], int]:
    """Return the entries of a file of so many bytes by name, and where the arrays' bytes begin.

    Raises:
        ValueError: the file is not of this form; the text says in what.
    """
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, BOUNDS.json):
        raise ValueError("its header is longer than the file")
    try:
        header = parse_json(file.read(length))
    except ValueError as error:
        raise ValueError(f"its header is no JSON that is read: {error}") from None
    if not isinstance(header, dict):
        raise ValueError("its header names no arrays")
    body = size - 8 - length
    fields = {name: entry for name, entry in header.items() if name != "__metadata__"}
    BOUNDS.check_count("arrays", len(fields))
    entries = {name: _entry(name, entry, body) for name, entry in fields.items()}
    spans = sorted((entry.begin, entry.end) for entry in entries.values())
    ends = [0, *(end for _, end in spans)]
    if [begin for begin, _ in spans] != ends[:-1] or ends[-1] != body:
        raise ValueError("its arrays overlap, or leave bytes between or behind them")
    return entries, 8 + length


def _entry(name: str, entry: Json, body: int) -> Entry:
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        sound = all(type(number) is int and number >= 0 for number in (*shape, begin, end))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"it describes {name!r} otherwise than by dtype, shape and data_offsets") from None
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise ValueError(f"{name!r} is of type {dtype}, of which only {', '.join(SIZES)} are read")
    size = math.prod(shape) * SIZES[dtype] if sound and len(shape) <= 32 else -1
    if not sound or not begin <= end <= body or end - begin != size:
        raise ValueError(f"{name!r} has bytes {begin} to {end}, which do not hold {dtype} of shape {shape}")
    return Entry(dtype, tuple(shape), begin, end)
