from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from sepzoo.data import open_source
from sepzoo.inference import open as open_file
from tests.command import run_command

pytestmark = pytest.mark.slow

Quickstart = tuple[Path, subprocess.CompletedProcess[str]]


def test_it_learns_and_its_file_answers_as_well(quickstart: Quickstart) -> None:
    folder, done = quickstart
    assert done.returncode == 0, done.stderr
    _, keras, tflite, *_ = done.stdout.strip().splitlines()
    accuracies = [float(re.findall(r" (\d\.\d{4})", line)[0]) for line in (keras, tflite)]
    assert min(accuracies) >= 0.97
    file = open_file(folder / "runs/quickstart/mobilenet_v1_int8.tflite")
    measured = file.evaluate(open_source("digits", split="test", image_size=(32, 32), channels=3))
    assert measured.top1 == pytest.approx(accuracies[1], abs=1e-4)
    assert measured.count == 359


def test_it_shows_three_scans_and_reads_them(quickstart: Quickstart) -> None:
    folder, done = quickstart
    guesses = re.findall(r"  (runs/quickstart/scans/scan\d_of_a_(\d)\.png): (\d) \(", done.stdout)
    assert len(guesses) == 3
    assert [guess for _, _, guess in guesses] == [label for _, label, _ in guesses]
    for path, _, _ in guesses:
        with Image.open(folder / path) as scan:
            assert scan.size == (32, 32)


def test_it_says_where_things_are_and_leaves_no_noise(quickstart: Quickstart) -> None:
    folder, done = quickstart
    names = {path.name for path in (folder / "runs/quickstart").iterdir()}
    assert names >= {
        "recipe.yaml",
        "metrics.jsonl",
        "curves.png",
        "best.keras",
        "last.keras",
        "mobilenet_v1_int8.tflite",
    }
    assert "All files are in runs/quickstart." in done.stdout
    assert all(line.startswith(("digits: ", "epoch ")) for line in done.stderr.splitlines())


def test_json_of_the_finished_run_says_the_same(quickstart: Quickstart) -> None:
    folder, _ = quickstart
    done = run_command("quickstart", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["result"]["test_accuracy"] == pytest.approx(found["keras"]["accuracy"])
    assert [scan["predictions"][0]["label"] for scan in found["scans"]] == [scan["file"][-5] for scan in found["scans"]]
