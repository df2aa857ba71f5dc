"""The names of classes as text that compares equal where it reads the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import printable


def composed(name: str) -> str:
    r"""Return a name with each accented letter as one character (Unicode's NFC), as most keyboards write it.

    File systems of Macs hand out names with letters and accents apart, which look the same and compare as different.

    Example:
        >>> composed("cafe\u0301") == "caf\xe9"
        True
    """
    return unicodedata.normalize("NFC", name)


def as_labels(names: Iterable[object], origin: str) -> tuple[str, ...]:
    """Return names as a tuple of composed text.

    Args:
        names: a list, a tuple or an array of text.
        origin: whose they are, for the message.

    Raises:
        SepzooError: it is one text, or something in it is no text.

    Example:
        >>> as_labels(["cat", "dog"], "net")
        ('cat', 'dog')
        >>> as_labels("cat", "net")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: net: expected labels as a list of texts. Received: 'cat'. Write one name for each class.
    """
    if isinstance(names, str | bytes | dict | set | frozenset) or not isinstance(names, Iterable):
        raise _no_labels(names, origin)
    found = list(names)
    for name in found:
        if not isinstance(name, str):
            raise _no_labels(name, origin)
    return tuple(composed(str(name)) for name in found if isinstance(name, str))


def repeated(names: Sequence[str]) -> list[str]:
    """Return the names that occur more than once, each once.

    Example:
        >>> repeated(["crane", "cat", "crane"])
        ['crane']
    """
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def _no_labels(found: object, origin: str) -> SepzooError:
    shown = printable(repr(found))[:60]
    return SepzooError(
        f"{origin}: expected labels as a list of texts. Received: {shown}. Write one name for each class."
    )
