from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepzoo.data import Split, SplitChoice, choose_splits
from sepzoo.support.errors import SepzooError

LABELS = np.random.default_rng(3).integers(0, 7, size=500)


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("train", Split("train", 0, 100)),
        ("train[20%:]", Split("train", 20, 100)),
        ("train[:20%]", Split("train", 0, 20)),
        ("my_set-2[5%:15%]", Split("my_set-2", 5, 15)),
    ],
)
def test_parse(text: str, split: Split) -> None:
    assert Split.parse(text) == split


@pytest.mark.parametrize("text", ["", "train[", "train[20%:20%]", "train[30%:20%]", "train[:101%]", "train[:5]"])
def test_parse_refuses_other_forms(text: str) -> None:
    with pytest.raises(SepzooError, match=r"such as train or train\[20%:\]. Received: split="):
        Split.parse(text)


@given(border=st.integers(1, 99))
def test_slices_are_disjoint_and_together_all(border: int) -> None:
    first = Split("train", 0, border).indices(LABELS)
    rest = Split("train", border, 100).indices(LABELS)
    assert sorted([*first, *rest]) == list(range(len(LABELS)))


def test_slices_hold_their_share_of_every_class() -> None:
    part = LABELS[Split.parse("train[:20%]").indices(LABELS)]
    for label in range(7):
        assert abs(np.sum(part == label) - 0.2 * np.sum(label == LABELS)) <= 0.5


def test_a_class_of_two_is_on_both_sides_and_a_single_image_trains() -> None:
    labels = np.array([0, 0, 1, 1, 1, 2])
    held_out = labels[Split.parse("train[:20%]").indices(labels)]
    kept = labels[Split.parse("train[20%:]").indices(labels)]
    assert held_out.tolist() == [0, 1]
    assert kept.tolist() == [0, 1, 1, 2]


def test_an_empty_slice_is_refused() -> None:
    with pytest.raises(
        SepzooError, match=r"expected images in the split. Received: train from 0 % to 20 % of 2 images"
    ):
        Split.parse("train[:20%]").indices(np.array([0, 1]))


@pytest.mark.parametrize(
    ("known", "asked", "choice"),
    [
        (["train"], {}, SplitChoice("train[20%:]", "train[:20%]", None)),
        (["train"], {"held_out": 10}, SplitChoice("train[10%:]", "train[:10%]", None)),
        (["train", "val"], {}, SplitChoice("train", "val", None)),
        (["train", "validation", "test"], {}, SplitChoice("train", "validation", "test")),
        (["train", "test"], {}, SplitChoice("train[20%:]", "train[:20%]", "test")),
        (["train", "test"], {"validation": "test"}, SplitChoice("train", "test", None)),
        (["train", "test"], {"validation": "test[:50%]"}, SplitChoice("train", "test[:50%]", None)),
        (
            ["train"],
            {"train": "train[10%:]", "validation": "train[:5%]", "test": "train[5%:10%]"},
            SplitChoice("train[10%:]", "train[:5%]", "train[5%:10%]"),
        ),
        (["a", "b"], {"train": "a+b[:10%]", "validation": "b[10%:]"}, SplitChoice("a+b[:10%]", "b[10%:]", None)),
    ],
)
def test_choose_splits(known: list[str], asked: dict, choice: SplitChoice) -> None:
    assert choose_splits(known, **asked) == choice


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"train": "trian"}, "unknown split 'trian'. Did you mean train?.*The data set has: train, test"),
        ({"validation": "val"}, "unknown split 'val'"),
        ({"train": "train[10%:]"}, "expected a validation split beside a sliced one"),
        ({"validation": "train"}, "expected different images to train and to validate"),
    ],
)
def test_choose_splits_refuses(asked: dict, text: str) -> None:
    with pytest.raises(SepzooError, match=text):
        choose_splits(["train", "test"], **asked)
