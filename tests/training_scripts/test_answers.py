"""The table of the studies of files: whole rows, none twice, and the same file when it goes on."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.test_imports import ROOT

Table = runpy.run_path(str(ROOT / "training" / "answers.py"))["Table"]
ROWS = ({"way": "a, b", "seed": 0, "ms": ""}, {"way": "c", "seed": 1, "ms": "0.5"})


def test_rows_are_printed_kept_and_known_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.csv"
    for row in ROWS:  # by another process each
        table = Table(("way", "seed", "ms"), path)
        assert not table.has(way=row["way"], seed=row["seed"])
        table.add(row)
    assert path.read_text(encoding="utf-8") == 'way,seed,ms\n"a, b",0,\nc,1,0.5\n'
    assert capsys.readouterr().out == "way a, b  seed 0\nway c  seed 1  ms 0.5\n"
    assert [table.has(way=way, seed=seed) for way in ("a, b", "c") for seed in (0, 1)] == [True, False, False, True]


def test_an_empty_file_gets_its_columns_and_none_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    for path in (tmp_path / "rows.csv", None):
        table = Table(("way", "seed", "ms"), path)
        table.add(ROWS[1])
        assert table.has(way="c") == (path is not None)
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8") == "way,seed,ms\nc,1,0.5\n"
