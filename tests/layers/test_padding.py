"""What a padding may be, and what it then is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sepzoo.layers.padding import resolve
from sepzoo.support.errors import SepzooError

GEOMETRY = {"kernel_size": (3, 5), "strides": (2, 2), "dilation_rate": (1, 2)}


@pytest.mark.parametrize(
    ("padding", "pairs"),
    [
        (0, ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        ((1, 3), ((1, 1), (3, 3))),
        ([[0, 1], [2, 0]], ((0, 1), (2, 0))),
        ((1, (0, 2)), ((1, 1), (0, 2))),
        ("symmetric", ((1, 1), (4, 4))),
        ("same", "same"),
        ("valid", "valid"),
    ],
)
def test_what_it_is(padding: object, pairs: object) -> None:
    assert resolve(padding, **GEOMETRY) == pairs


ANYTHING = some.recursive(
    some.none() | some.booleans() | some.floats() | some.text(max_size=3) | some.integers(-3, -1),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(ANYTHING)
def test_anything_else_is_refused_in_one_line(padding: object) -> None:
    with pytest.raises(SepzooError, match=r"^expected padding 'valid', 'same'.*Received: padding="):
        resolve(padding, **GEOMETRY)
