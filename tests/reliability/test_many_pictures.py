"""A folder of 100,000 pictures, a hundredth of them bad: exact counts, bounded memory, and a kill is no harm."""

from __future__ import annotations

import csv
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import sepzoo
from sepzoo.artifact.model_file import load
from tests.reliability.commands import pictures, write_recipe
from tests.reliability.forked import FOLDER_PROGRAM, run

MIB = 1024


@pytest.mark.trial("{count:,} pictures, {bad:,} of them bad, killed once")
@pytest.mark.parametrize(
    ("count", "bad", "more_mib"),
    [
        pytest.param(2_000, 20, 40, marks=pytest.mark.slow),
        pytest.param(100_000, 1_000, 160, marks=pytest.mark.nightly),
    ],
)
def test_a_folder_of_many_pictures(
    count: int,
    bad: int,
    more_mib: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    write_recipe(tmp_path)
    model, folder = tmp_path / "tiny.tflite", pictures(tmp_path / "many", count, bad)
    sepzoo.export.tflite(load(tmp_path / "tiny.keras"), model)
    few = run([FOLDER_PROGRAM, model, pictures(tmp_path / "few", 100, 0), "few.csv"], tmp_path, fresh=True)
    line = [FOLDER_PROGRAM, model, folder, "out.csv"]
    answers = tmp_path / ".out.csv.answers"
    begun = run(line, tmp_path, fresh=True, stop_when=lambda: answers.exists() and answers.stat().st_size > 20 * count)
    assert begun.code == -signal.SIGKILL
    assert not (tmp_path / "out.csv").exists()
    done = run(line, tmp_path, fresh=True)
    assert done.code == 1
    resumed = re.search(r"^goes on after (\d+) pictures$", done.err, re.MULTILINE)
    assert resumed is not None
    assert 0 < int(resumed[1]) < count
    assert f"{count - bad} pictures: out.csv" in done.out
    assert done.err.endswith(f"error: {bad} of {count} pictures cannot be read\n")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = [row["picture"] for row in csv.DictReader(file)]
    said = {line for line in (begun.err + done.err).splitlines() if line.startswith("left out: ")}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert len(rows) == len(set(rows)) == count - bad
    assert len(said) == bad
    assert {line.removeprefix(f"left out: {folder}/").partition(": ")[0] for line in said} == there - set(rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("few", "few.csv", "many", "out.csv", "tiny.keras", "tiny.tflite", "tiny.yaml")
    ]
    assert done.peak_kib - few.peak_kib < more_mib * MIB
    record_property(
        "note",
        f"went on after {int(resumed[1]):,}, {len(rows):,} rows, {len(said):,} named as bad, "
        f"{done.peak_kib / MIB:,.0f} MiB at most ({few.peak_kib / MIB:,.0f} with 100 pictures), {done.seconds:,.0f} s",
    )
