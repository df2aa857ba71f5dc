"""FlatBuffers: tables whose every offset is compared with the bytes that are there."""

from __future__ import annotations

import dataclasses
import struct


class Buffer:
    """The bytes of a FlatBuffer.

    Raises:
        ValueError: of every method, where it would read outside the bytes.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data

    def number(self, kind: str, place: int) -> int:
        """Return the little-endian number of a `struct` kind at a place."""
        if place < 0 or place + struct.calcsize(f"<{kind}") > len(self.data):
            raise ValueError(f"it refers to byte {place:,} of {len(self.data):,}")
        return struct.unpack_from(f"<{kind}", self.data, place)[0]

    def root(self) -> Table:
        """Return the table that the first four bytes lead to."""
        return self.table(self.number("I", 0))

    def table(self, place: int) -> Table:
        """Return the table at a place, its fields' offsets compared with its length."""
        fields = place - self.number("i", place)
        length, size = self.number("H", fields), self.number("H", fields + 2)
        if length < 4 or length % 2 or size < 4:
            raise ValueError(f"its table at byte {place:,} is damaged")
        self.number("B", fields + length - 1), self.number("B", place + size - 1)
        offsets = struct.unpack_from(f"<{length // 2 - 2}H", self.data, fields + 4)
        if any(offset >= size for offset in offsets):
            raise ValueError(f"its table at byte {place:,} has fields outside it")
        return Table(self, place, offsets)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: a place in a buffer, and how far from it each field lies (0: the field is not there)."""

    buffer: Buffer
    place: int
    offsets: tuple[int, ...]

    def _field(self, index: int) -> int | None:
        offset = self.offsets[index] if index < len(self.offsets) else 0
        return self.place + offset if offset else None

    def number(self, index: int, kind: str, default: int = 0) -> int:
        """Return a field that is a number of a `struct` kind."""
        place = self._field(index)
        return default if place is None else self.buffer.number(kind, place)

    def table(self, index: int) -> Table | None:
        """Return a field that is a table."""
        place = self._field(index)
        return None if place is None else self.buffer.table(place + self.buffer.number("I", place))

    def vector(self, index: int, kind: str) -> tuple[int, int]:
        """Return where the values of a vector begin, and how many they are; (0, 0) where it is not there."""
        place = self._field(index)
        if place is None:
            return 0, 0
        start = place + self.buffer.number("I", place)
        count = self.buffer.number("I", start)
        if start + 4 + count * struct.calcsize(f"<{kind}") > len(self.buffer.data):
            raise ValueError(f"its vector at byte {start:,} goes beyond the end")
        return start + 4, count

    def numbers(self, index: int, kind: str) -> tuple[int, ...]:
        """Return a field that is a vector of numbers."""
        start, count = self.vector(index, kind)
        return struct.unpack_from(f"<{count}{kind}", self.buffer.data, start)

    def tables(self, index: int) -> list[Table]:
        """Return a field that is a vector of tables."""
        start, count = self.vector(index, "I")
        places = range(start, start + 4 * count, 4)
        return [self.buffer.table(place + self.buffer.number("I", place)) for place in places]

    def text(self, index: int) -> str:
        """Return a field that is text."""
        start, count = self.vector(index, "B")
        return self.buffer.data[start : start + count].decode(errors="backslashreplace")
