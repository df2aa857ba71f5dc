"""Protocol Buffers on the wire: fields are found by number, and every length is compared with what is there."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field of a message: an integer, or the bytes of what has a length.

    Raises:
        ValueError: a field goes beyond the message, or is of a kind that no message has.

    Example:
        >>> [(number, bytes(value)) for number, value in fields(memoryview(bytes([18, 2]) + b"ok"))]
        [(2, b'ok')]
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        if tag >= 2**32:  # of which other readers take the lower 32 bits
            raise ValueError(f"its protocol buffer is damaged at byte {place}")
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        length = {_EIGHT: 8, _FOUR: 4}.get(kind)
        if kind == _BYTES:
            length, place = _varint(message, place)
        if length is None or number == 0 or place + length > len(message):
            raise ValueError(f"its protocol buffer is damaged at byte {place}")
        yield number, message[place : place + length]
        place += length


def varints(packed: memoryview) -> Iterator[int]:
    """Yield the integers of a packed field.

    Raises:
        ValueError: the last one is cut off.

    Example:
        >>> list(varints(memoryview(bytes([3, 172, 2]))))
        [3, 300]
    """
    place = 0
    while place < len(packed):
        value, place = _varint(packed, place)
        yield value


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError(f"its protocol buffer is damaged at byte {place}")


def messages(message: memoryview, *path: int) -> Iterator[memoryview]:
    """Yield what has a length at the end of a path of field numbers.

    Example:
        >>> inner = bytes([10, 2]) + b"ok"
        >>> [bytes(found) for found in messages(memoryview(bytes([18, len(inner)]) + inner), 2, 1)]
        [b'ok']
    """
    first, *rest = path
    for number, value in fields(message):
        if number == first and isinstance(value, memoryview):
            if rest:
                yield from messages(value, *rest)
            else:
                yield value
