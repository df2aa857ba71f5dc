"""Bytes that choices are expected to take in a file, against files that are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import pytest

from sepzoo.shrinking.file_bytes import Names, renamed_bytes, total_bytes
from sepzoo.shrinking.known_ways import way_of
from sepzoo.shrinking.ways import Window
from tests.shrinking.random_choices import NETWORKS, Costed


@pytest.mark.slow
@pytest.mark.parametrize("integers", [False, True], ids=["float32", "int8"])
@pytest.mark.parametrize("body", NETWORKS)
def test_random_choices_take_the_bytes_that_were_expected(
    body: Callable[[], keras.Model], integers: bool, tmp_path: Path
) -> None:
    costed = Costed.of(body, integers=integers, folder=tmp_path)
    original = len(costed.written())
    for seed in range(8):
        drawn = costed.drawn(seed)
        assert costed.bytes(drawn, original) == pytest.approx(len(costed.written(drawn)), rel=0.01), drawn


@pytest.mark.parametrize("integers", [False, True], ids=["float32", "int8"])
@pytest.mark.parametrize("order", ["pw_dw", "dw_pw"])
def test_each_further_term_takes_as_much(order: str, integers: bool) -> None:
    window = Window((8, 8), (8, 8), (3, 3), (1, 1), 1, False)
    steps = [way_of(f"{order} {count}").steps(window, 16, 16) for count in (2, 3, 4)]
    two, three, four = (total_bytes(each, integers=integers, names=Names.of("net", "layer")) for each in steps)
    assert four - three == pytest.approx(three - two, abs=16)
    assert three - two > (1 if integers else 4) * (16 * 16 + 9 * 16)


def test_activations_that_stand_in_layers_get_longer_names() -> None:
    assert renamed_bytes({"first": "first_activation", "second": "relu"}) == 2 * len("_activation")
