"""The tool that makes mutants: each is one change, compiles, and is found again in the table of equivalent ones."""

from __future__ import annotations

import ast
import csv

import pytest

from tests.tools.mutants import mutants
from tests.tools.mutation import KNOWN, ROOT, TARGETS

SOURCE = '''"""Text."""
def area(width: int, height=2):
    """More text."""
    if width < 0:
        raise ValueError("below 0")
    return width * height + max(width, 1)
'''


def test_every_change_is_made_once_and_no_text_is_touched():
    found = [(mutant.line, mutant.change) for mutant in mutants(SOURCE)]
    assert found == [
        (2, "2 -> 3"),
        (2, "2 -> 1"),
        (4, "if width < 0: -> if not width < 0:"),
        (4, "width < 0 -> width <= 0"),
        (4, "0 -> 1"),
        (6, "width * height + max(width, 1) -> width * height - max(width, 1)"),
        (6, "width * height -> width / height"),
        (6, "max(width, 1) -> min(width, 1)"),
        (6, "1 -> 2"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("path", TARGETS)
def test_each_mutant_of_the_algebra_is_another_program(path):
    source = (ROOT / path).read_text(encoding="utf-8")
    original = ast.unparse(ast.parse(source))
    found = [mutant.source for mutant in mutants(source)]
    assert len(found) > 10
    for changed in found:
        compile(changed, path, "exec")
        assert changed != original
    assert (ROOT / TARGETS[path]).is_file()


@pytest.mark.slow
def test_what_counts_as_equivalent_is_there_and_says_why():
    with KNOWN.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    made = set()
    for file in {row["file"] for row in rows}:
        source = (ROOT / file).read_text(encoding="utf-8")
        lines = source.splitlines()
        made |= {(file, lines[mutant.line - 1].strip(), mutant.change) for mutant in mutants(source)}
    for row in rows:
        assert (row["file"], row["line"], row["change"]) in made, row
        assert len(row["reason"].split()) > 3
