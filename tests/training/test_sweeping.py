"""Studies that run: each run once, rows that are kept, failures that are named."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sepzoo.cli import main
from sepzoo.support.errors import SepzooError
from sepzoo.training import sweeping
from sepzoo.training.run_folder import RunFolder
from sepzoo.training.run_processes import RunProcesses
from sepzoo.training.study import Study, StudyRun
from sepzoo.training.sweeping import rows_of, sweep
from tests.command import PROGRAM, run_command
from tests.training.test_running import RECIPE
from tests.training.test_study_table import row

STUDY = """
name: two
recipe: small.yaml
settings: {epochs: 1}
arms: {plain: {}, smooth: {label_smoothing: 0.1}}
"""
CHOOSING = STUDY + "choose: {key: optimizer.learning_rate, values: [0.05, 0.2], settings: {epochs: 2}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(RECIPE)
    (tmp_path / "two.yaml").write_text(STUDY)
    return tmp_path


@pytest.mark.slow
def test_a_study_runs_once_and_goes_on_from_its_rows(folder: Path) -> None:
    arguments = ("sweep", str(folder / "two.yaml"), "--out", str(folder / "runs"))
    first = run_command(*arguments, "--jobs", "2")
    assert first.returncode == 0, first.stderr
    assert "plain - smooth" in first.stdout
    kept = (folder / "two.csv").read_text()
    assert kept.count("\n") == 3
    assert (folder / "runs" / "plain" / "seed0" / "best.keras").is_file()
    shutil.rmtree(folder / "runs")  # as on another machine
    again = run_command(*arguments, "--json")
    assert again.returncode == 0, again.stderr
    assert not (folder / "runs").exists()
    assert (folder / "two.csv").read_text() == kept
    found = json.loads(again.stdout)
    assert [pair["count"] for pair in found["differences"]] == [1]
    assert found["averages"] == []  # it has no cases


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_study_that_is_told_to_stop_trains_nothing_more(folder: Path, number: signal.Signals) -> None:
    """The run that trains ends with it, and those that wait don't begin."""
    (folder / "two.yaml").write_text(STUDY.replace("epochs: 1}", "epochs: 500}"))
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    arguments = ["sweep", str(folder / "two.yaml"), "--out", str(folder / "runs")]
    with subprocess.Popen([sys.executable, "-c", heard + PROGRAM, *arguments], stderr=subprocess.PIPE) as process:
        while not (folder / "runs" / "plain" / "seed0" / "metrics.jsonl").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert said.decode().endswith("interrupted\n")
    assert [path.name for path in (folder / "runs").iterdir()] == ["plain"]
    with RunFolder(folder / "runs" / "plain" / "seed0").locked():
        pass  # nothing runs there


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let runs end at once, with an accuracy of their learning rate; those of `smooth` fail at a rate of .2."""
    names: list[str] = []

    def train(run: StudyRun, folder: Path, _: RunProcesses) -> str:
        names.append(run.name)
        return "out of memory" if run.arm == "smooth" and run.recipe.optimizer.learning_rate == 0.2 else ""

    def as_row(run: StudyRun, done: object) -> object:
        made = row(run.arm, run.seed, run.recipe.optimizer.learning_rate, values=json.dumps(run.values))
        return dataclasses.replace(made, fingerprint=run.fingerprint, choosing=run.choosing)

    monkeypatch.setattr(sweeping, "_train", train)
    monkeypatch.setattr(sweeping, "row_of", as_row)
    monkeypatch.setattr(sweeping.RunFolder, "finished", lambda self: self)
    return names


def test_each_arm_takes_the_value_that_measured_best(folder: Path, trained: list[str]) -> None:
    (folder / "two.yaml").write_text(CHOOSING.replace("smooth: {label_smoothing: 0.1}", "other: {batch_size: 64}"))
    study = Study.load(folder / "two.yaml")
    rows = sweep(study, folder / "two.csv", folder / "runs", jobs=2)
    assert sorted(trained[4:]) == ["other-learning_rate=0.2/seed0", "plain-learning_rate=0.2/seed0"]
    assert len(rows) == 6
    assert rows_of(study, rows) == rows
    assert sweep(study, folder / "two.csv", folder / "runs") == rows
    assert len(trained) == 6


def test_a_run_that_fails_is_named_and_the_others_end(folder: Path, trained: list[str]) -> None:
    (folder / "two.yaml").write_text(CHOOSING)
    study = Study.load(folder / "two.yaml")
    said: list[str] = []
    with pytest.raises(SepzooError, match=r"two: 1 runs failed; .*smooth-learning_rate=0.2/seed0: out of memory"):
        sweep(study, folder / "two.csv", folder / "runs", say=said.append)
    assert "plain-learning_rate=0.2/seed0" in trained
    assert not [name for name in trained if name.startswith("smooth-")]
    assert len(said) == 5


def test_rows_of_runs_that_a_study_no_longer_has_stay_in_the_file(folder: Path, trained: list[str]) -> None:
    study = Study.load(folder / "two.yaml")
    sweep(study, folder / "two.csv", folder / "runs")
    longer = study.model_copy(update={"settings": {"epochs": 2}})
    assert len(sweep(longer, folder / "two.csv", folder / "runs")) == 2
    assert (folder / "two.csv").read_text().count("\n") == 5


def test_a_run_that_an_arm_chose_by_is_not_repeated_and_counts(folder: Path, trained: list[str]) -> None:
    (folder / "two.yaml").write_text(CHOOSING.replace(", settings: {epochs: 2}", "").replace("smooth:", "other:"))
    study = Study.load(folder / "two.yaml")
    rows = sweep(study, folder / "two.csv", folder / "runs")
    assert len(trained) == 4
    assert [row.choosing for row in rows] == [True] * 4 + [False] * 2
    assert {row.last_accuracy for row in rows[4:]} == {0.2}


def test_tables_and_picture_are_made_of_the_rows_alone(
    folder: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(Study.load(folder / "two.yaml"), folder / "two.csv", folder / "runs")
    del trained[:]
    shutil.rmtree(folder / "runs", ignore_errors=True)  # as in a checkout, which has the rows beside the study
    with pytest.raises(SystemExit) as stopped:
        main(["sweep", str(folder / "two.yaml"), "--report"])
    assert not stopped.value.code
    assert "plain - smooth" in capsys.readouterr().out
    assert (folder / "two.png").read_bytes().startswith(b"\x89PNG")
    assert trained == []
    assert not (folder / "runs").exists()


def test_one_arm_chooses_for_all(folder: Path, trained: list[str]) -> None:
    (folder / "two.yaml").write_text(CHOOSING.replace("smooth:", "other:").replace("{key", "{arm: plain, key"))
    rows = sweep(Study.load(folder / "two.yaml"), folder / "two.csv", folder / "runs")
    assert sorted(trained[:2]) == ["choose-plain-learning_rate=0.05/seed0", "choose-plain-learning_rate=0.2/seed0"]
    assert sorted(trained[2:]) == ["other-learning_rate=0.2/seed0", "plain-learning_rate=0.2/seed0"]
    assert len(rows) == 4
