from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from sepzoo import inference
from sepzoo.support.errors import SepzooError
from tests.scripts import imported
from tests.test_imports import ROOT

PROGRAM = ROOT / "applications" / "folder" / "classify_folder.py"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    pixels = np.random.default_rng(5).integers(0, 256, (2, 40, 50), np.uint8)
    for name, image in zip(("b.png", "inner/a.PNG"), pixels, strict=True):
        Image.fromarray(image).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def run(*arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)


def test_a_line_for_each_picture(small_files: Path, pictures: Path, tmp_path: Path) -> None:
    done = run(small_files / "small.tflite", pictures, tmp_path / "out.csv")
    assert (done.returncode, done.stdout) == (0, f"2 pictures: {tmp_path / 'out.csv'}\n")
    assert done.stderr == f"left out, since they are no pictures: {pictures / 'notes.txt'}\n"
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", "pictures"}
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    classifier = inference.open(small_files / "small.keras")
    expected = classifier.top(classifier.predict([pictures / "b.png", pictures / "inner" / "a.PNG"]), k=1)
    assert [row["picture"] for row in rows] == ["b.png", "inner/a.PNG"]
    assert [row["label"] for row in rows] == [best.label for [best] in expected]
    found = [float(row["probability"]) for row in rows]
    np.testing.assert_allclose(found, [best.probability for [best] in expected], atol=1e-3)


def test_a_bad_picture_is_named_and_left_out(small_files: Path, pictures: Path, tmp_path: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    done = run(small_files / "small.tflite", pictures, tmp_path / "out.csv")
    assert done.returncode == 1
    assert f"left out: {pictures / 'bad.jpg'}: " in done.stderr
    assert done.stderr.endswith("error: 1 of 3 pictures cannot be read\n")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3


def test_mistakes_write_nothing(small_files: Path, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for model, folder, message in (
        (tmp_path / "none.tflite", pictures, f"error: {tmp_path / 'none.tflite'}: no such file.\n"),
        (small_files / "small.tflite", tmp_path / "empty", "error: expected pictures in the folder. "),
    ):
        done = run(model, folder, tmp_path / "out.csv")
        assert done.returncode == 2
        assert message in done.stderr
        assert not (tmp_path / "out.csv").exists()


def test_batches_answer_as_single_pictures_do_in_their_order(small_files: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(7)
    for number in range(70):
        shape = (int(random.integers(9, 60)), int(random.integers(9, 60)), 3)
        Image.fromarray(random.integers(0, 256, shape, np.uint8)).save(folder / f"{number:02}.png")
    unreadable = {f"{number:02}.png" for number in (0, 31, 32, 33, 69)}
    for name in unreadable:
        (folder / name).write_bytes(b"no picture")
    done = run(small_files / "small.tflite", folder, tmp_path / "out.csv")
    named = [line.split(": ")[1] for line in done.stderr.splitlines()[:-1]]
    assert named == sorted(str(folder / name) for name in unreadable)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    classifier = inference.open(small_files / "small.tflite")
    expected = []
    for path in sorted(folder.iterdir()):
        if path.name not in unreadable:
            [[best]] = classifier.top(classifier.predict([path]), k=1)
            expected.append([path.name, best.label, f"{best.probability:.4f}"])
    assert rows == expected


@pytest.fixture
def modules() -> Iterator[list[ModuleType]]:
    with imported(PROGRAM.with_name("answers.py"), PROGRAM) as found:
        yield found


def test_a_signal_while_answers_are_taken_up_leaves_no_lock(
    modules: list[ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, _program = modules
    monkeypatch.setattr(answers.Answers, "_take_up", stopped)
    with pytest.raises(KeyboardInterrupt), answers.Answers(tmp_path / "out.csv", "a"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_signal_while_the_csv_is_written_keeps_the_answers_and_says_so(
    small_files: Path,
    pictures: Path,
    tmp_path: Path,
    modules: list[ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _answers, program = modules
    line = (small_files / "small.tflite", pictures, tmp_path / "out.csv")
    with monkeypatch.context() as context:
        context.setattr(program, "atomic_write", stopped)
        with pytest.raises(KeyboardInterrupt):
            program.write(*line)
    assert {path.name for path in tmp_path.iterdir()} == {"pictures", ".out.csv.answers"}
    assert capsys.readouterr().err.endswith("2 pictures are done, the same command goes on from there\n")
    assert program.write(*line) == (2, 0)
    assert capsys.readouterr().err.endswith("goes on after 2 pictures\n")
    assert {path.name for path in tmp_path.iterdir()} == {"pictures", "out.csv"}


def stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_lock_of_another_process_stays(modules: list[ModuleType], tmp_path: Path) -> None:
    answers, _program = modules
    with FileLock(tmp_path / ".out.csv.lock"):
        with (
            pytest.raises(SepzooError, match="which another process writes"),
            answers.Answers(tmp_path / "out.csv", "a"),
        ):
            pass
        assert (tmp_path / ".out.csv.lock").exists()
