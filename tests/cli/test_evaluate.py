from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.test_classify import BLOCKED, by_hand
from tests.command import run_command


def test_accuracy_is_the_share_of_right_answers(command: Command, small_files: Path, scans: Path) -> None:
    pictures = sorted(scans.glob("*/*.png"))
    answers = [by_hand(small_files / "small.tflite", path).argmax() for path in pictures]
    right = sum(int(path.parent.name) == answer for path, answer in zip(pictures, answers, strict=True))
    outcome = command("evaluate", small_files / "small.tflite", "--data", scans, "--split", "train", "--json")
    found = json.loads(outcome.out)
    assert (found["count"], found["correct"]) == (50, right)


def test_by_default_it_takes_what_training_holds_out(command: Command, small_files: Path, scans: Path) -> None:
    folder, digits = (
        json.loads(command("evaluate", small_files / "small.tflite", "--data", data, "--json").out)
        for data in (scans, "digits")
    )
    assert (folder["data"], folder["count"]) == ("scans train[:20%]", 10)
    assert (digits["data"], digits["count"]) == ("digits test", 359)


def test_tflite_on_a_folder_needs_neither_tensorflow_nor_keras(small_files: Path, scans: Path) -> None:
    done = run_command("evaluate", small_files / "small.tflite", "--data", scans, before=BLOCKED)
    assert done.stderr == ""
    assert done.stdout.startswith("small on scans train[:20%]: top-1 ")


@pytest.mark.slow
def test_tfds_is_read_in_silence(small_files: Path, tfds_data_dir: str) -> None:
    done = run_command("evaluate", small_files / "small.tflite", "--data", "cifar10", "--split", "test[:1%]")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("small on cifar10 test[:1%]: top-1 ")


@pytest.mark.parametrize(
    ("data", "split", "message"),
    [
        ("./nowhere", "train", "error: expected a folder of class folders. Received: nowhere, which does not exist.\n"),
        ("digits", "tests", "error: unknown split of digits 'tests'. Did you mean test?"),
        ("digits", "test[", "error: expected a split as a name or a slice in percent"),
    ],
)
def test_bad_data(command: Command, small_files: Path, data: str, split: str, message: str) -> None:
    outcome = command("evaluate", small_files / "small.tflite", "--data", data, "--split", split)
    assert outcome.code == 2
    assert outcome.err.startswith(message)


def test_other_classes(command: Command, small_files: Path, cats_and_dogs: Path) -> None:
    outcome = command("evaluate", small_files / "small.tflite", "--data", cats_and_dogs)
    assert outcome.code == 2
    assert outcome.err.startswith("error: expected data of the 10 classes of small. Received: 2 classes")


def test_a_corrupt_picture_is_left_out_with_a_warning(small_files: Path, scans: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scans, tmp_path / "copy")
    (folder / "7" / "bad.png").write_bytes(b"no picture")
    done = run_command("evaluate", small_files / "small.tflite", "--data", folder, "--split", "train", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["count"] == 50
    assert "bad.png" in done.stderr
    assert all(line.startswith("warning: ") for line in done.stderr.splitlines())
