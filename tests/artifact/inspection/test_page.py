"""The page states the bounds that hold, and names tests that are there."""

from __future__ import annotations

import dataclasses
import re

from sepzoo.support.bounds import BOUNDS
from tests.test_imports import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_the_bounds_are_those_of_the_page() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", PAGE, re.MULTILINE))
    assert {name: int(value.replace(",", "")) for name, value in rows.items()} == dataclasses.asdict(BOUNDS)


def test_the_tests_that_it_names_are_there() -> None:
    named = set(re.findall(r"tests/[\w/]+\.py", PAGE))
    assert len(named) > 8
    assert all((ROOT / name).is_file() for name in named)


def test_each_vulnerability_of_the_page_has_its_file() -> None:
    listed = set(re.findall(r"^\| (\d{4}-\d+) \|", PAGE, re.MULTILINE))
    tested = set(re.findall(r'"CVE-(\d{4}-\d+)":', (ROOT / "tests/artifact/test_cves.py").read_text(encoding="utf-8")))
    assert listed == tested
    assert len(listed) == 13
