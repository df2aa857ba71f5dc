"""What inputs and outputs are called."""

from __future__ import annotations

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepzoo.inference.keras_tensors import input_tensors, output_tensors
from sepzoo.inference.tensors import file_names, restored
from sepzoo.layers.tensor_names import unique

NAMES = st.lists(st.text(alphabet="aA_2/é x", max_size=4), max_size=6)


@given(NAMES)
@settings(deadline=None)
def test_unique_names_are_all_different_and_change_as_little_as_can_be(names: list[str]) -> None:
    found = unique(names)
    assert len(set(found)) == len(found) == len(names)
    for place, name in enumerate(names):
        assert (found[place] == name) == (name not in names[:place])


@given(NAMES)
@settings(deadline=None)
def test_names_in_files_are_plain_and_differ_beyond_their_capitals(names: list[str]) -> None:
    found = file_names(names)
    assert len({name.lower() for name in found}) == len(names)
    assert all(name.isascii() and name.isidentifier() and name[0].isalpha() for name in found)


@given(NAMES.map(unique), st.randoms())
@settings(deadline=None)
def test_the_record_s_names_and_order_come_back(names: tuple[str, ...], random: object) -> None:
    in_file = list(zip(file_names(names), names, strict=True))
    random.shuffle(in_file)  # type: ignore[attr-defined]
    assert list(restored(dict(in_file), names).items()) == [(name, name) for name in names]


def test_names_that_the_record_does_not_know_stay() -> None:
    assert restored({"a": 1, "b": 2}, ["a", "c"]) == {"a": 1, "b": 2}
    assert restored({"a": 1, "b": 2}, []) == {"a": 1, "b": 2}


@pytest.mark.parametrize("structure", ["list", "tuple", "dictionary", "deeper"])
def test_names_of_keras_models(structure: str) -> None:
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    both = keras.layers.Dense(2, name="both")
    first, second = both(left), both(right)  # one layer, two outputs
    made = {
        "list": ([right, left], [second, first], ["right", "left"], ["both", "both_2"]),
        "tuple": ((left, right), (first, second), ["left", "right"], ["both", "both_2"]),
        "dictionary": ({"right": right, "left": left}, {"z": first, "b": second}, ["left", "right"], ["b", "z"]),
        "deeper": ({"x": [right, left]}, [{"y": first}, second], ["x/0", "x/1"], ["0/y", "1"]),
    }
    inputs, outputs, input_names, output_names = made[structure]
    model = keras.Model(inputs, outputs)
    assert [each.name for each in input_tensors(model)] == input_names
    assert [each.name for each in output_tensors(model)] == output_names
