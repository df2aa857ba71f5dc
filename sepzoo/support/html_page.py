"""HTML pages with all pictures inside, which open without a network."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse } img { max-width: 100% }
th, td { padding: .15rem .8rem; border-bottom: 1px solid #dde3e9; text-align: right }
th:first-child, td:first-child { text-align: left } pre { background: #f3f5f7; padding: 1rem; overflow: auto }
"""


def page(title: str, body: Iterable[str], *, style: str = "") -> str:
    """Return a page.

    Args:
        title: as text.
        body: parts of HTML.
        style: CSS beside that of all pages.

    Example:
        >>> page("A & B", ["<h1>C</h1>"]).splitlines()[-3:]
        ['</style></head><body>', '<h1>C</h1>', '</body></html>']
    """
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}{style}</style>'
    lines = ["<!DOCTYPE html>", f'<html lang="en"><head>{head}</head><body>', *body, "</body></html>"]
    return "\n".join(lines) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table, without a header where that is empty; floats have four decimals, None is an empty cell.

    Example:
        >>> table(["<a>"], [[0.5]])
        '<table><tr><th>&lt;a&gt;</th></tr><tr><td>0.5000</td></tr></table>'
    """
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    lines = ("".join(f"<td>{html.escape(_cell(cell))}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in (head, *lines) if line)}</table>"


def picture(png: bytes, words: str) -> str:
    """Return an image of a PNG file's bytes, with what it shows in words.

    Example:
        >>> picture(b"abc", "a cat")
        '<img alt="a cat" src="data:image/png;base64,YWJj">'
    """
    return f'<img alt="{html.escape(words)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
