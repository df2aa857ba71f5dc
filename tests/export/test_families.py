"""Every family leaves in its own kind, and one family in every kind, as float32, int8 and more, and answers as it did.

Five minutes of one core. Every kind in every family and format: `pytest -m nightly tests/nightly/test_product.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.catalog.registry import find
from sepzoo.export.targets import TARGETS
from tests.formats import ALWAYS, answers_as_it_did, further_formats, left
from tests.small import SMALL, with_kind

FURTHER = further_formats(name for name, _ in SMALL.values())
IN_ALL = "cifar_resnet"
"""The family that leaves in every format, and in every kind."""
KINDS = tuple(find(SMALL[IN_ALL][0])[0].slots)


@pytest.mark.slow
@pytest.mark.parametrize("family", SMALL)
def test_each_family_in_its_own_kind(family: str, tmp_path: Path) -> None:
    targets = list(TARGETS) if family == IN_ALL else [*ALWAYS, FURTHER[SMALL[family][0]]]
    made = left(*with_kind(family, None), targets, tmp_path)
    assert [report.target for report in made.reports] == targets
    assert {each.target: each.comparison for each in made.reports if not answers_as_it_did(each)} == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_one_family(kind: str, tmp_path: Path) -> None:
    made = left(*with_kind(IN_ALL, kind), ALWAYS, tmp_path)
    assert {each.target: each.comparison for each in made.reports if not answers_as_it_did(each)} == {}


def test_no_format_is_left_out() -> None:
    assert {*ALWAYS, *FURTHER.values()} == set(TARGETS)
