"""The order of classes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sepzoo.data.class_names import as_numbers, in_class_order


@given(st.sets(st.integers(-10_000, 10_000)))
def test_numbers_are_ordered_by_value(values: set[int]) -> None:
    assert [int(name) for name in in_class_order(map(str, values))] == sorted(values)


@given(st.sets(st.text("ab0 ", min_size=1)))
def test_words_are_ordered_as_they_always_were(names: set[str]) -> None:
    if as_numbers(sorted(names)) is None:
        assert list(in_class_order(names)) == sorted(names)


def test_other_digits_than_ascii_ones_are_words() -> None:
    assert as_numbers(["٣", "4"]) is None
    assert as_numbers(["1" * 5000]) is None
