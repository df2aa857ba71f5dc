"""Running a study: each run in a process of its own, each finished one a row that is kept."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from pathlib import Path

from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError
from sepzoo.support.exit_status import why_ended
from sepzoo.support.types import Json
from sepzoo.training.run_folder import RunFolder
from sepzoo.training.run_processes import RunProcesses
from sepzoo.training.study import Study, StudyRun
from sepzoo.training.study_rows import Row, as_json, read_rows, row_of, write_rows

Say = Callable[[str], None]


def sweep(
    study: Study,
    results: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    jobs: int = 1,
    say: Say = lambda line: None,
) -> list[Row]:
    """Run what is missing of a study, and return the rows of all its finished runs.

    Each run is an ordinary run folder, so that the same call goes on where it was broken off, inside a run too; a run
    whose row is in the file is not repeated, wherever it ran. Rows of runs that the study no longer has stay there.

    Args:
        study: what to run.
        results: the CSV file of rows; read first, written after each run.
        out: the folder of run folders.
        jobs: how many runs at once, which share the cores.
        say: called with a line as each run ends.

    Raises:
        SepzooError: runs that failed, named with their own words, when all others have ended; or a file of results that
            is none.
        KeyboardInterrupt: the process was told to stop; its runs have been too, and are gone.
    """
    results, out = Path(results), Path(out)
    rows = {row.fingerprint: row for row in read_rows(results)}
    failures: list[str] = []

    def keep(run: StudyRun, row: Row | str) -> None:
        if isinstance(row, str):
            failures.append(f"{run.name}: {row}")
            say(f"{run.name}: failed: {row}")
            return
        rows[row.fingerprint] = row
        write_rows(results, rows.values())
        say(f"{run.name}: {study.metric.replace('_', ' ')} {row.measured(study.metric):.4f}, {row.seconds:.0f} s")

    with RunProcesses(jobs) as processes:
        for run, row in _finished(study.choosing_runs(), rows, out, processes):
            keep(run, row)
        for run, row in _finished(_ready(study, rows), rows, out, processes):
            keep(run, row)
    if failures:
        raise SepzooError(
            f"{study.name}: {len(failures)} runs failed; all others are in {results}. {'; '.join(failures)}."
        )
    return rows_of(study, rows.values())


def rows_of(study: Study, rows: Iterable[Row]) -> list[Row]:
    """Return the rows that belong to a study as it is now, in its order."""
    known = {row.fingerprint: row for row in rows}
    runs = [*study.choosing_runs(), *_ready(study, known)]
    return [  # one run may stand for two, if an arm chose by the very run that is compared
        dataclasses.replace(known[run.fingerprint], choosing=run.choosing, values=as_json(run.values))
        for run in runs
        if run.fingerprint in known
    ]


def _ready(study: Study, rows: dict[str, Row]) -> list[StudyRun]:
    """Return the runs that compare arms, each with what its arm has chosen, as far as arms have."""
    chosen = {arm: _chosen(study, arm, rows) for arm in study.arms}
    return [study.chosen(run, chosen[run.arm]) for run in study.runs() if chosen[run.arm] is not _NOTHING]


_NOTHING: Json = object()
"""No value: runs that an arm has to choose from are missing."""


def _chosen(study: Study, arm: str, rows: dict[str, Row]) -> Json:
    """Return the value whose run measured best, or `_NOTHING` while one is missing."""
    one_for_all = study.choose.arm if study.choose is not None else None
    runs = [run for run in study.choosing_runs() if run.arm == (one_for_all or arm)]
    if any(run.fingerprint not in rows for run in runs):
        return _NOTHING
    best = max(runs, key=lambda run: rows[run.fingerprint].measured("last_accuracy"), default=None)
    return None if best is None or study.choose is None else best.values[study.choose.key]


def _finished(
    runs: Iterable[StudyRun], rows: dict[str, Row], out: Path, processes: RunProcesses
) -> Iterator[tuple[StudyRun, Row | str]]:
    """Yield each run that was missing as it ends, with its row or with why it failed."""
    missing = [run for run in runs if run.fingerprint not in rows]
    waiting = {processes.submit(_train, run, out / run.name, processes): run for run in missing}
    for future in as_completed(waiting):
        run, problem = waiting[future], future.result()
        done = None if problem else RunFolder(out / run.name).finished()
        yield run, row_of(run, done) if done is not None else problem or "its folder holds no result"


def _train(run: StudyRun, folder: Path, processes: RunProcesses) -> str:
    """Train in a process of its own, and return its last words where it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder.with_name(f"{folder.name}.yaml")
    with atomic_write(recipe) as temporary:
        temporary.write_text(run.recipe.to_yaml(), encoding="utf-8")
    code, words = processes.run([sys.executable, "-m", "sepzoo", "train", str(recipe), "--out", str(folder)])
    if code == 0:
        return ""
    return why_ended(code, words).rstrip(".")
