from __future__ import annotations

import json
from pathlib import Path

import pytest

from sepzoo.inference import open as open_file
from tests.cli.conftest import Command
from tests.command import run_command

SHORT = ["--set", "epochs=1", "--set", "data.train=train[20%:]", "--set", "data.validation=train[:20%]"]


def test_a_wrong_key_is_named_with_the_right_one(command: Command, tmp_path: Path) -> None:
    outcome = command("train", "digits", "--set", "epoch=3", "--out", tmp_path / "run")
    assert outcome.code == 2
    assert outcome.err.startswith("error: recipe digits: unknown key 'epoch'. Did you mean epochs?")
    assert not (tmp_path / "run").exists()


def test_a_wrong_target_is_found_before_training(command: Command, tmp_path: Path) -> None:
    outcome = command("train", "digits", "--set", "export=[tflite:int9]", "--out", tmp_path / "run")
    assert outcome.code == 2
    assert outcome.err.startswith("error: unknown target 'tflite:int9'.")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_ends_in_a_checked_file_and_the_same_command_reads_it_again(tmp_path: Path) -> None:
    arguments = ["train", "digits", *SHORT, "--set", "export=[tflite:float32]", "--json"]
    first, second = (run_command(*arguments, cwd=tmp_path) for _ in range(2))
    assert first.returncode == second.returncode == 0
    assert "epoch 1/1" in first.stderr
    assert second.stderr == ""
    found, again = json.loads(first.stdout), json.loads(second.stdout)
    assert found["folder"] == "runs/digits"
    assert found["result"] == again["result"]
    [report] = found["files"]
    file = open_file(tmp_path / report["path"])
    assert file.labels == tuple("0123456789")
    assert report["comparison"]["file_accuracy"] == pytest.approx(found["result"]["test_accuracy"], abs=0.01)
    other = run_command("train", "digits", *SHORT, "--set", "seed=2", cwd=tmp_path)
    assert other.returncode == 2
    assert other.stderr.startswith("error: expected a new folder, or one of this recipe. Received: runs/digits, ")
