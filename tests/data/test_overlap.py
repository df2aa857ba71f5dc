"""Overlaps of splits, against the sets of image numbers that NumPy and TFDS cut out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sepzoo.data import Split, choose_splits
from sepzoo.data.overlap import overlap
from sepzoo.support.errors import SepzooError

SHARDS = {"train": (400, 397, 200), "extra": (7, 33)}
SIZES = {name: sum(shards) for name, shards in SHARDS.items()}
PERCENT = st.integers(-100, 100) | st.floats(-100, 100).map(lambda number: round(number, 1))
LIMITS = {"%": PERCENT, "shard": st.integers(-3, 3), "": st.integers(-40, 40)}


@st.composite
def parts(draw: st.DrawFn) -> str:
    """Write a name or a slice, as TFDS takes them."""
    name = draw(st.sampled_from(sorted(SIZES)))
    unit = draw(st.sampled_from(sorted(LIMITS)))
    start, stop = (draw(st.none() | LIMITS[unit]) for _ in range(2))
    if start is stop is None:
        return name
    both = (unit, unit)
    if None not in (start, stop):  # one unit is enough, at either border, and holds for both
        both = draw(st.sampled_from([both, (unit, ""), ("", unit)]))
    first, last = (
        "" if border is None else f"{border}{unit}" for border, unit in zip((start, stop), both, strict=True)
    )
    return f"{name}[{first}:{last}]"


def numbers(split: str) -> set[tuple[str, int]]:
    """Return the images that TFDS itself reads of a split."""
    splits = pytest.importorskip("tensorflow_datasets").core.splits
    infos = {
        name: splits.SplitInfo(name=name, shard_lengths=list(shards), num_bytes=0) for name, shards in SHARDS.items()
    }
    return {
        (one.splitname, number)
        for one in splits.AbstractSplit.from_spec(split).to_absolute(infos)
        for number in range(SIZES[one.splitname])[one.from_ : one.to]
    }


SPLITS = st.lists(parts(), min_size=1, max_size=3).map(" + ".join)


@settings(deadline=None)  # the first call imports TFDS
@given(SPLITS, SPLITS)
@example("extra[:2%]", "extra[-1%:]")  # of 40 images 1 % from the end rounds to none: TFDS reads all
def test_every_pair_is_told_as_tfds_reads_it(first: str, second: str) -> None:
    found = overlap(first, second, shards=SHARDS)
    common = numbers(first) & numbers(second)
    if common:
        assert found is not None
    elif found is not None:  # slices of percent may have less than an image in common
        assert "%" in found


@pytest.mark.parametrize(
    ("split", "images"),
    [("train[:2shard]", 797), ("train[1shard]", 397), ("train[-1shard:]", 200), ("train[:33.4%]", 333)],
)
def test_shards_and_parts_of_a_percent(split: str, images: int) -> None:
    assert len(numbers(split)) == images
    assert overlap(split, "train", shards=SHARDS) == overlap("train", split, shards=SHARDS) is not None
    assert overlap(split, "extra", shards=SHARDS) is None


def test_slices_of_shards_are_chosen_and_checked() -> None:
    arguments = {"train": "train[:2shard]", "validation": "train[2shard:]"}
    assert choose_splits(["train", "extra"], **arguments, shards=SHARDS).validation == "train[2shard:]"
    with pytest.raises(SepzooError, match=r"which have train\[400:797\] in common\. Move a border"):
        choose_splits(["train"], train="train[:2shard]", validation="train[1shard:]", shards=SHARDS)
    with pytest.raises(SepzooError, match=r"Received: train\[:2shard\] and train\[2shard:\], of a split whose shards"):
        choose_splits(["train"], **arguments)


@pytest.mark.parametrize(
    "split",
    ["train[]", "train[:]", "train[5]", "train[1.5:]", "train[1.5shard:]", "train[1:2:3]", "train[:2shards]", "train["],
)
def test_other_forms_are_refused(split: str) -> None:
    with pytest.raises(SepzooError, match=r"expected a split as names and slices, such as train, .* Received: split="):
        overlap(split, "train", shards=SHARDS)
    with pytest.raises((ValueError, TypeError)):
        numbers(split)


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
