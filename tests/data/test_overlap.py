"""Overlaps of splits, against the sets of image numbers that NumPy and TFDS cut out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepzoo.data import Split, choose_splits
from sepzoo.data.overlap import overlap
from sepzoo.support.errors import SepzooError

SIZES = {"train": 997, "extra": 40}
BORDER = st.none() | st.tuples(st.integers(-100, 100), st.just("%")) | st.tuples(st.integers(-1200, 1200), st.just(""))
PART = st.tuples(st.sampled_from(sorted(SIZES)), BORDER, BORDER)


def written(part: tuple) -> str:
    name, start, stop = part
    return name if start is stop is None else f"{name}[{_border(start)}:{_border(stop)}]"


def _border(border: tuple[int, str] | None) -> str:
    return "" if border is None else f"{border[0]}{border[1]}"


def numbers(part: tuple) -> set[tuple[str, int]]:
    """Return the images of a part as Python's own slices count them."""
    name, start, stop = part
    size = SIZES[name]
    borders = [
        border if border is None else round(border[0] * size / 100) if border[1] else border[0]
        for border in (start, stop)
    ]
    return {(name, number) for number in range(size)[slice(*borders)]}


@given(st.lists(PART, min_size=1, max_size=3), st.lists(PART, min_size=1, max_size=3))
def test_the_sizes_decide_every_pair(first: list[tuple], second: list[tuple]) -> None:
    images = [set().union(*map(numbers, parts)) for parts in (first, second)]
    found = overlap("+".join(map(written, first)), " + ".join(map(written, second)), SIZES)
    percent = all(border is None or border[1] for _, *borders in first + second for border in borders)
    if not percent:  # exact to the image
        assert (found is not None) == bool(images[0] & images[1])
    elif images[0] & images[1]:  # slices of percent may have less than an image in common
        assert found is not None


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("train", "train", "train"),
        ("train[:30%]", "train[20%:]", "train[20%:30%]"),
        ("train[:500]", "train[499:]", "train[499:500]"),
        ("train[:500]", "train[500:]", None),
        ("train[-10%:]", "train[:91%]", "train[90%:91%]"),
        ("train[-10%:]", "train[:90%]", None),
        ("test", "train", None),
        ("test+train[:1%]", "train", "train[:1%]"),
    ],
)
def test_what_is_common_is_named(first: str, second: str, common: str | None) -> None:
    assert overlap(first, second) == common
    assert overlap(second, first) == common


def test_units_that_cannot_be_compared_are_refused() -> None:
    for other in ("train[50%:]", "train[-10:]"):
        with pytest.raises(SepzooError, match=r"expected slices of one unit.* Received: train\[:500\] and train"):
            overlap("train[:500]", other)
    with pytest.raises(SepzooError, match=r"expected a split as names and slices.*split='train\[a:\]'"):
        overlap("train[a:]", "train")


@given(st.integers(0, 98), st.integers(1, 100), st.integers(0, 98), st.integers(1, 100))
def test_disjoint_slices_of_a_folder_have_no_image_in_common(a: int, b: int, c: int, d: int) -> None:
    labels = np.random.default_rng(3).integers(0, 7, size=500)
    if a < b and c < d and overlap(f"train[{a}%:{b}%]", f"train[{c}%:{d}%]") is None:
        assert not {*Split("train", a, b).indices(labels)} & {*Split("train", c, d).indices(labels)}


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (
            {"train": "train[10%:]", "validation": "train[:20%]"},
            r"different images as train and validation.*which have train\[10%:20%\] in common\. Move a border",
        ),
        ({"train": "train+test[:5%]", "validation": "test[:10%]"}, r"which have test\[:5%\] in common"),
        ({"train": "train+test[:5%]", "validation": "extra", "test": "test"}, r"as train and test\. .*test\[:5%\] in"),
        ({"validation": "test", "test": "test[50%:]"}, r"as validation and test\. .*which have test\[50%:\] in common"),
        ({"train": "train[:600]", "validation": "train[50%:]"}, r"which have train\[500:600\] in common"),
        ({"train": "train[90%:]", "validation": "train[:10%]", "test": "train[-50:]"}, r"train\[950:\] in common"),
    ],
)
def test_images_are_not_used_twice(asked: dict, text: str) -> None:
    with pytest.raises(SepzooError, match=text):
        choose_splits(["train", "test", "extra"], **asked, sizes={"train": 1000, "test": 100, "extra": 10})


def test_a_part_of_the_test_split_that_trains_keeps_it_from_testing() -> None:
    assert choose_splits(["train", "test"], train="train+test[:5%]", validation="test[5%:]").test is None
