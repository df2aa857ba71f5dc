"""Seeded mutations of each kind of file: opened or refused in one line, without a crash, in bounded time and memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.artifact.inspection.mutations import KINDS, MEMORY, SECONDS, Row, Task, opened, table
from tests.artifact.inspection.whole_files import write_whole

PICTURES_AND_LABELS = (".jpg", ".png", ".txt")
"""Fifty of each, and of other kinds of pictures, are those of tests/data/test_mutations.py."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole file of each kind."""
    folder = tmp_path_factory.mktemp("mutations")
    write_whole(folder, KINDS)
    return folder


def judge(rows: Sequence[Row], count: int) -> None:
    assert [row.seed for row in rows] == list(range(rows[0].seed, rows[0].seed + count))
    found = Counter(row.outcome for row in rows)
    assert set(found) <= {"opened", "refused"}
    assert found["refused"] > count // 20
    assert max(row.seconds for row in rows) < SECONDS
    assert max(row.grown for row in rows) < MEMORY >> 20


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[Row]:
    return list(opened(folder, [Task(kind, 0, 50) for kind in KINDS if kind not in PICTURES_AND_LABELS]))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in PICTURES_AND_LABELS])
def test_fifty(rows: list[Row], kind: str) -> None:
    judge([row for row in rows if row.kind == kind], 50)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand(folder: Path, kind: str) -> None:
    found = list(opened(folder, [Task(kind, 1000, 2000)]))
    print(table(found))  # noqa: T201
    judge(found, 1000)


@pytest.mark.slow
def test_what_a_process_ends_in_is_a_row(tmp_path: Path) -> None:
    """A process that ends without an answer, here for want of a whole file, is a crash."""
    found = list(opened(tmp_path, [Task(".txt", 3, 4)]))
    assert [(row.seed, row.outcome.partition(":")[0]) for row in found] == [(3, "crashed")]
