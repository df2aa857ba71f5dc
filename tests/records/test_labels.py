"""Labels are text, and text that reads the same is the same."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pytest

from sepzoo.records.labels import as_labels, repeated
from sepzoo.records.metadata import Metadata
from sepzoo.support.errors import SepzooError

NAMES = ("Löwe", "Å", "한국", "q\u0323\u0307")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_and_accents_are_put_together(form: str) -> None:
    labels = Metadata("net", labels=[unicodedata.normalize(form, name) for name in NAMES]).labels
    assert labels == tuple(unicodedata.normalize("NFC", name) for name in NAMES)


@pytest.mark.parametrize("names", [("a", "b"), ["a", "b"], np.array(["a", "b"]), iter("ab")])
def test_any_sequence_of_text(names: Any) -> None:
    found = as_labels(names, "net")
    assert found == ("a", "b")
    assert {type(name) for name in found} == {str}


@pytest.mark.parametrize(
    "labels", ["cat", b"cat", 5, {"cat": 0}, {"cat", "dog"}, [1, 2], ["cat", None], [b"cat"], [["cat"]], np.arange(3)]
)
def test_what_is_no_list_of_texts_is_refused(labels: Any) -> None:
    text = r"^net: expected labels as a list of texts\. Received: .*\. Write one name for each class\.$"
    with pytest.raises(SepzooError, match=text):
        Metadata("net", labels=labels)
    with pytest.raises(SepzooError, match=text):
        Metadata("net").updated(labels=labels)


@pytest.mark.parametrize("labels", ['"cat"', "5", "[1, 2]", '{"0": "cat"}', '["cat", null]'])
def test_a_member_with_other_labels_is_refused(labels: str) -> None:
    with pytest.raises(SepzooError, match=r"^expected a sepzoo\.json with .* Received: .*\.$"):
        Metadata.from_json(f'{{"name": "net", "labels": {labels}, "preprocessing": null}}')


def test_repeated() -> None:
    assert repeated(("a", "b", "a", "c", "b", "a")) == ["a", "b"]
