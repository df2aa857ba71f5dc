"""Text that is safe on a terminal: control characters, and what is no Unicode text, become escapes."""

from __future__ import annotations

import unicodedata

_CONTROL = ("Cc", "Cs", "Zl", "Zp")  # Unicode categories: controls, surrogates, separators of lines and paragraphs
_FORMAT = "Cf"  # among others what turns the direction of writing
_JOINERS = "\u200c\u200d"  # of that category, but parts of words in several scripts, and of emoji


def printable(text: str) -> str:
    r"""Return text on one line, in which control characters and what isn't Unicode text stand as escapes.

    Example:
        >>> print(printable("caf\xe9 \x1b[31mred\n\udce9"))
        café \x1b[31mred\n\udce9
    """
    if text.isprintable():  # most text is, and that is told at once; of the other text joiners and odd spaces stay too
        return text
    return "".join(ascii(character)[1:-1] if _steers(character) else character for character in text)


def is_one_line(text: str) -> bool:
    r"""Tell whether text can be written as UTF-8 on one line: no control character, no surrogate alone.

    Example:
        >>> is_one_line("Löwe"), is_one_line("a\nb"), is_one_line("\udce9")
        (True, False, False)
    """
    return all(unicodedata.category(character) not in _CONTROL for character in text)


def _steers(character: str) -> bool:
    category = unicodedata.category(character)
    return category in _CONTROL or (category == _FORMAT and character not in _JOINERS)
