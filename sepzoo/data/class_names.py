"""The names of classes: their order, and which ones can be written into files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sepzoo.records.labels import composed
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import is_one_line, printable

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


def in_class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in the order in which they become classes 0, 1, …: numbers by value, other names as words.

    Example:
        >>> in_class_order(["10", "9", "0"]), in_class_order(["b10", "b9", "a"])
        (('0', '9', '10'), ('a', 'b10', 'b9'))
    """
    words = sorted(names)
    numbers = as_numbers(words)
    if numbers is None:
        return tuple(words)
    return tuple(word for _, word in sorted(zip(numbers, words, strict=True)))


def as_numbers(names: Sequence[str]) -> list[int] | None:
    """Return the values of names that are all whole numbers, each another one; None where they aren't.

    Example:
        >>> as_numbers(["0", "10", "02"]), as_numbers(["1", "01"]), as_numbers(["1", "two"])
        ([0, 10, 2], None, None)
    """
    if not all(_WHOLE_NUMBER.fullmatch(name) for name in names):
        return None
    values = [int(name) for name in names]
    return values if len(set(values)) == len(values) else None


def check_class_names(names: Sequence[str], origin: object) -> tuple[str, ...]:
    r"""Return names, composed (Unicode's NFC), after seeing that label files, models and reports can hold them.

    Raises:
        SepzooError: one is no text, is empty, holds a line break or another control character, or isn't UTF-8.

    Example:
        >>> check_class_names(["caf\udce9", "tea"], "drinks")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: expected class names of UTF-8 text on one line. Received: caf\udce9 in drinks. Rename it.
    """
    if isinstance(names, str):
        raise SepzooError(
            f"expected class names as a list of texts. Received: {printable(repr(names))} in {printable(str(origin))}."
        )
    for name in names:
        if not isinstance(name, str) or not is_one_line(name) or not name.strip():
            raise SepzooError(
                f"expected class names of UTF-8 text on one line. Received: {printable(str(name)) or repr(name)} in "
                f"{printable(str(origin))}. Rename it."
            )
    return tuple(map(composed, names))
