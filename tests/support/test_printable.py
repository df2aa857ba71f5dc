"""Text made safe for a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sepzoo.support.printable import is_one_line, printable

ANY = st.text(st.characters(exclude_categories=()))  # surrogates and controls included


@given(ANY)
def test_nothing_steers_the_terminal_and_all_can_be_encoded(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert is_one_line(shown)
    assert not set(map(chr, [*range(32), *range(127, 160), 0x202E])) & set(shown)


@given(ANY)
def test_what_is_shown_differs_only_where_it_must(text: str) -> None:
    if text.isprintable():
        assert printable(text) == text
    assert printable(printable(text)) == printable(text)
