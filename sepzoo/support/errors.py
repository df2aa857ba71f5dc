"""What a user did wrong, said in one line: what was expected, what came, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sepzoo.support.printable import printable

_PART = 3
"""Letters from which a part of a name tells something."""
_LISTED = 40
"""So many names are listed in a message."""


class SepzooError(ValueError):
    """A mistake that the caller can mend; the command line prints its text alone and exits with code 2.

    The text is one line, in which what would steer a terminal is written out.

    Example:
        >>> raise SepzooError("expected 10 classes. Received: classes=0. Ask for at least 1.")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: expected 10 classes. Received: classes=0. Ask for at least 1.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(text))  # it may hold names out of foreign files


SepzooError.__module__ = "sepzoo"  # the name by which users catch it, and tracebacks call it


def similar_names(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return the names of `known` that look most like `name`, best first; where none does, those that it is a part of.

    Example:
        >>> similar_names("mobilenetv1", ["mobilenet_v1", "mobilenet_v2", "xception"])
        ['mobilenet_v1', 'mobilenet_v2']
        >>> similar_names("int8", ["tflite:int8", "xla"])
        ['tflite:int8']
    """
    names = list(known)
    whole = (each for each in names if len(name) >= _PART and name.lower() in each.lower())
    return difflib.get_close_matches(name, names, n=count, cutoff=0.6) or list(whole)[:count]


def unknown(what: str, name: str, known: Iterable[str], hint: str = "", *, list_all: bool = False) -> SepzooError:
    """Return the error for a name that nobody knows: the nearest known ones, or all of them where none is near.

    Args:
        what: it is the name of.
        name: as it came.
        known: names.
        hint: what else to do.
        list_all: whether all of them are listed behind the nearest ones too.

    Example:
        >>> print(unknown("kind", "bsconvu", ["bsconv_u", "separable"]))
        unknown kind 'bsconvu'. Did you mean bsconv_u?
    """
    names = sorted(known)
    near = similar_names(name, names)
    if near:
        advice = f"Did you mean {', '.join(near)}?" + (f" All: {', '.join(names)}." if list_all else "")
    elif len(names) <= _LISTED:
        advice = f"Known: {', '.join(names) or 'none'}."
    else:
        advice = f"{len(names)} are known."
    return SepzooError(" ".join(part for part in (f"unknown {what} {name!r}.", advice, hint) if part))


_WHERE = ("Graph execution error:", "Detected at node", "<stack traces", "Node:", "Exception from ", "Check '")
"""How lines begin in which TensorFlow and OpenVINO tell the place in their code, before they say what."""


def first_line(error: BaseException) -> str:
    r"""Return the line of an error's text that says the reason, or the name of its class where it has no text.

    That is the first one; where Keras tells of errors within errors, the first one of the innermost. The configurations
    that Keras prints there are left out.

    Example:
        >>> first_line(ValueError("broken")), first_line(AssertionError())
        ('broken', 'AssertionError')
        >>> first_line(TypeError("Dense can't be read.\n\nconfig={...}.\n\nException encountered: no such key: 'a'"))
        "no such key: 'a'"
        >>> first_line(ValueError("Graph execution error:\n\nDetected at node a:\n  b\nno index 5\n\t [[a]]"))
        'no index 5'
        >>> first_line(RuntimeError("Exception from src/core.cpp:84:\nCheck 'ok' failed at src/a.cpp:3:\nno such file"))
        'no such file'
    """
    reason = str(error).rpartition("Exception encountered: ")[2]
    lines = [line for line in reason.splitlines() if line.strip()]
    if lines and lines[0].startswith(_WHERE):
        lines = [line for line in lines if not line.startswith((" ", "\t", *_WHERE))] or lines
    line = lines[0].strip() if lines else type(error).__name__
    return line.partition(" Full object config:")[0]
