"""The model in a page that `sepzoo export --to browser` wrote."""

from __future__ import annotations

import base64

GENERATOR = b'<meta name="generator" content="sepzoo browser page">'
"""By which a page is known, within its first `HEAD` bytes."""
HEAD = 512
_BEFORE, _BEHIND = b'<script type="application/octet-stream;base64" id="sepzoo-model">', b"</script>"


def is_page(start: bytes) -> bool:
    """Return whether a file that begins so is such a page.

    Example:
        >>> is_page(b"<!DOCTYPE html><p>A page of somebody else</p>")
        False
    """
    return GENERATOR in start[:HEAD]


def model_in(page: bytes) -> bytes:
    """Return the bytes of the `.tflite` file in a page.

    Raises:
        ValueError: it holds none, or another number of them, or a damaged one.

    Example:
        >>> model_in(b'<script type="application/octet-stream;base64" id="sepzoo-model">VEZMMw==</script>')
        b'TFL3'
    """
    count = page.count(_BEFORE)
    if count != 1:
        raise ValueError(f"it holds {count or 'no'} models instead of one")
    text, end, _ = page[page.index(_BEFORE) + len(_BEFORE) :].partition(_BEHIND)
    if not end:
        raise ValueError("its model is cut off")
    return base64.b64decode(text, validate=True)
