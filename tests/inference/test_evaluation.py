"""Accuracy, against counts made by hand."""

from __future__ import annotations

import dataclasses
import json
import unicodedata

import numpy as np
import pytest

from sepzoo.data import ArraySource
from sepzoo.inference import Classifier, Evaluation
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output
from sepzoo.support.errors import SepzooError

LETTERS = ("a", "b", "c", "d", "e", "f", "g")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FirstPixel(Classifier):
    """Ranks classes by their distance from the value of the first pixel, the nearest first."""

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        return pixels

    def run(self, tensor: np.ndarray) -> np.ndarray:
        values = tensor[:, 0, 0, :1].astype(np.float32)
        return 1 / (1 + np.abs(values - np.arange(self.output_shape[0])))


def classifier(labels: tuple[str, ...] | None = LETTERS, classes: int = 7) -> FirstPixel:
    metadata = Metadata("first", labels, outputs=(Output("multilabel"),))
    return FirstPixel(metadata=metadata, input_shape=(2, 2, 3), output_shape=(classes,))


def source(values: list[int], labels: list[int], names: tuple[str, ...] = LETTERS) -> ArraySource:
    pixels = np.zeros((len(values), 2, 2, 3), np.uint8)
    pixels[:, 0, 0, 0] = values
    return ArraySource(pixels, np.array(labels), names, name="letters test")


def test_counts_the_first_and_the_first_five() -> None:
    evaluation = classifier().evaluate(source([0, 1, 6, 6], [0, 2, 6, 0]), batch_size=3)
    assert evaluation == Evaluation("first", "letters test", 4, 2, 3, "by name")
    assert (evaluation.top1, evaluation.top5) == (0.5, 0.75)
    assert evaluation.standard_error == 0.25


def test_names_decide_whatever_their_order() -> None:
    evaluation = classifier().evaluate(source([6, 0], [0, 1], ("g", "a")))
    assert (evaluation.correct, evaluation.matched) == (2, "by name")


@pytest.mark.parametrize("labels", [None, tuple("hijklmn")])
def test_equal_counts_match_by_number_where_no_name_does(labels: tuple[str, ...] | None) -> None:
    evaluation = classifier(labels).evaluate(source([3, 4], [3, 5]))
    assert (evaluation.correct, evaluation.matched) == (1, "by number")


def test_other_classes_are_refused() -> None:
    with pytest.raises(SepzooError, match=r"Received: 1 others, such as 'zebra'\."):
        classifier().evaluate(source([0, 1], [0, 1], ("a", "zebra")))


def test_other_counts_are_refused() -> None:
    with pytest.raises(SepzooError, match=r"expected data of the 7 classes of first\. Received: 2 classes"):
        classifier().evaluate(source([0, 1], [0, 1], ("cat", "dog")))


def test_json_has_counts_and_shares() -> None:
    fields = json.loads(Evaluation("first", "letters test", 4, 2, 3, "by name").to_json())
    assert fields["correct"] == 2
    assert fields["top5"] == 0.75


TWELVE = tuple(map(str, range(12)))


@pytest.mark.parametrize("labels", [None, TWELVE, tuple(sorted(TWELVE)), tuple(f"{n:02}" for n in range(12))])
@pytest.mark.parametrize("names", [TWELVE, tuple(sorted(TWELVE)), tuple(f"{n:03}" for n in range(12))])
def test_classes_that_are_numbers_are_matched_by_value(names: tuple[str, ...], labels: tuple[str, ...] | None) -> None:
    outputs = [int(name) for name in names] if labels is None else [[*map(int, labels)].index(int(n)) for n in names]
    evaluation = classifier(labels, classes=12).evaluate(source(outputs, list(range(12)), names))
    assert evaluation.correct == 12


def test_numbers_from_one_are_matched_by_rank() -> None:
    names = ("1", "10", "11", "12", "2", "3", "4", "5", "6", "7", "8", "9")
    evaluation = classifier(None, classes=12).evaluate(source([int(n) - 1 for n in names], list(range(12)), names))
    assert (evaluation.correct, evaluation.matched) == (12, "by number")


def test_names_that_read_the_same_are_the_same() -> None:
    letters = tuple("äéîõüçñ")
    apart = tuple(unicodedata.normalize("NFD", letter) for letter in letters)
    assert set(letters).isdisjoint(apart)
    for labels, names in ((letters, apart), (apart, letters)):
        evaluation = classifier(labels).evaluate(source([6, 0], [0, 1], (names[6], names[0])))
        assert (evaluation.correct, evaluation.matched) == (2, "by name")


def test_a_label_that_stands_twice_is_not_guessed() -> None:
    cranes = ("a", "crane", "crane", "d", "e", "f", "g")
    assert classifier(cranes).evaluate(source([1, 2], [1, 2], cranes)).correct == 2  # in one order: no doubt
    assert classifier(cranes).evaluate(source([3, 0], [0, 1], ("d", "a"))).correct == 2
    with pytest.raises(SepzooError, match=r"that differ from one another\. Received: 'crane' more than once"):
        classifier(cranes).evaluate(source([1], [0], ("crane", "a")))
