"""The class names of a text file, one a line."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import is_one_line, printable
from sepzoo.support.regular_file import why_unreadable

MAX_BYTES = BOUNDS.labels
"""The largest label file that is read: 16 MiB."""

_LINE_END = re.compile("\r\n|\r|\n")
_INVISIBLE = " \t\ufeff\u200b"  # byte order marks stand within files that were put together from several
_MARKS = {  # what a byte order mark says; that of UTF-32 begins as that of UTF-16 does, and comes first
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_labels(path: str | os.PathLike[str]) -> tuple[str, ...]:
    r"""Return the lines of a label file without the spaces around them and without empty lines.

    It is UTF-8, or what its byte order mark says, with line ends of Unix, Windows or old Macs.

    Raises:
        SepzooError: it can't be read, is larger than `MAX_BYTES`, no text, without a name, or a name holds a control
            character.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "labels.txt")
        >>> _ = file.write_bytes("katze\r\nlöwe\r\n".encode("utf-16"))
        >>> read_labels(file)
        ('katze', 'löwe')
    """
    reason = why_unreadable(path, most_bytes=MAX_BYTES)
    text = ""
    if reason is None:
        try:
            text = _decoded(Path(path).read_bytes())
        except OSError as error:
            reason = error.strerror or str(error)
        except UnicodeDecodeError:
            reason = "no UTF-8 text"
    lines = (line.strip(_INVISIBLE).strip() for line in _LINE_END.split(text))
    labels = tuple(line for line in lines if line)
    if reason is None and not labels:
        reason = "a file without a name"
    if reason is not None:
        raise SepzooError(
            f"expected a text file with one class name a line. Received: {printable(str(path))}, which is {reason}."
        )
    for label in labels:
        if not is_one_line(label.replace("\t", " ")):
            raise SepzooError(
                f"expected a text file with one class name a line. Received: {printable(str(path))} with the name "
                f"{printable(label)[:80]}, which holds control characters. Save it as UTF-8."
            )
    return labels


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if content.startswith(mark) and (len(content) > len(mark) or mark == codecs.BOM_UTF8):
            return content.decode(encoding)
    return content.decode()
