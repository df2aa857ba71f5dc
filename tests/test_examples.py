"""The examples in docstrings and the Python blocks of the documents do what they say."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import re
import unittest
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

from sepzoo.export.target_names import TARGET_NAMES
from tests.extras import needed
from tests.test_imports import ROOT, modules

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PARSERS = [PythonCodeBlockParser(doctest_optionflags=OPTIONS), SkipParser()]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*/README.md"))]


ELSEWHERE = "sepzoo.compression.keras2."
"""Modules of a process of its own: to import them turns TensorFlow's Keras into Keras 2. They have no examples."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in modules() if not name.startswith(ELSEWHERE)])
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for row in TARGET_NAMES:  # a format's own example writes a file
        for package in row.packages if name == f"sepzoo.export.formats.{row.name}" else ():
            needed(package, str(row.extra))
    if name == "sepzoo.layers.pallas_depthwise":
        needed("jax", "jax")
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert outcome.failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for example in Sybil(PARSERS).parse(path).examples():
        with contextlib.suppress(unittest.SkipTest):  # by a directive in the page, which says why
            example.evaluate()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_block_that_is_skipped_says_why(path: Path) -> None:
    directives = re.findall(r"<!-- skip: (.*) -->", path.read_text(encoding="utf-8"))
    assert [each for each in directives if not re.fullmatch(r'next "[^"]{20,}"', each)] == []
