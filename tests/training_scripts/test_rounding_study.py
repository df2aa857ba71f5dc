"""The study of rounding after and in training: what it says of its figures, and that it goes on where it ended."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.scripts import imported
from tests.test_imports import ROOT
from tests.training_scripts.test_decoupling_study import network

NAMES = {"post-training": "after training", "keras": '`by="keras"`', "tfmot": '`by="tfmot"`'}
DATA = {"cifar10": "ResNet8, CIFAR-10", "tf_flowers": "MobileNetV1 .25, tf_flowers"}


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], list[dict[str, str]]]:
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    with (ROOT / "training" / "figures" / "rounding.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            found.setdefault((row["data"], row["way"]), []).append(row)
    return found


def difference(rows: list[dict[str, str]]) -> tuple[float, float]:
    """Return the mean gain over the file rounded after training, and its standard error.

    The seeds look at the same images, so their mean is taken to be no surer than one of them.
    """
    gains, errors = [], []
    for row in rows:
        images, gained, lost = (int(row[key]) for key in ("images", "gained", "lost"))
        gains.append((gained - lost) / images)
        errors.append(math.sqrt(gained + lost - (gained - lost) ** 2 / images) / images)
    return float(np.mean(gains)), float(np.mean(errors))


def test_the_table_is_that_of_the_figures(rows: dict[tuple[str, str], list[dict[str, str]]]) -> None:
    text = (ROOT / "training" / "README.md").read_text(encoding="utf-8")
    assert rows.keys() == {(data, way) for data in DATA for way in NAMES}
    for (data, way), found in rows.items():
        assert [row["seed"] for row in found] == ["0", "1", "2"]
        accuracies = " / ".join(f"{int(row['right']) / int(row['images']):.4f}"[1:] for row in found)
        mean, error = difference(found)
        gain = "" if way == "post-training" else f"{100 * mean:+.2f} ± {100 * error:.2f}"
        spent = np.mean([float(row["seconds"]) for row in found])
        assert f"| {DATA[data]} | {NAMES[way]} | {accuracies} | {gain} | {spent:.0f} |".replace("  ", " ") in text


def test_training_with_rounding_is_not_below(rows: dict[tuple[str, str], list[dict[str, str]]]) -> None:
    for (data, way), found in rows.items():
        mean, error = difference(found)
        assert (error > 0) is (way != "post-training")
        assert mean >= -2 * error, (data, way)
        for row in found:
            first = rows[data, "post-training"][int(row["seed"])]
            assert int(row["right"]) - int(first["right"]) == int(row["gained"]) - int(row["lost"])


@pytest.fixture
def study() -> Iterator[ModuleType]:
    with imported(ROOT / "training" / "rounding_study.py") as [found]:
        yield found


def test_of_a_seed_that_is_half_done_only_the_first_way_is_made_again(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are compared with its answers; here no file is written, and the answers are drawn."""
    made, random = [], np.random.default_rng(0)
    monkeypatch.setattr(study, "written", lambda model, way, samples, options, path: made.append((samples.seed, way)))
    monkeypatch.setattr(study, "right_answers", lambda path, images, labels: random.random(len(labels)) < 0.5)
    out = tmp_path / "rounding.csv"
    header = "data,way,seed,images,right,gained,lost,seconds"
    done = "digits,post-training,0,359,9,0,0,1.0\ndigits,keras,0,359,9,1,1,1.0\n"
    out.write_text(f"{header}\n{done}", encoding="utf-8")
    arguments = ["--data", "digits", "--samples", "40", "--seeds", "2", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["rounding_study.py", str(network(tmp_path / "net.keras")), *arguments])
    study.main()
    assert made == [(0, "post-training"), (0, "tfmot"), *((1, way) for way in NAMES)]
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[:3] == [header, *done.split()]
    rows = list(csv.DictReader(lines))
    assert [(int(row["seed"]), row["way"]) for row in rows[2:]] == made[1:]
    assert (rows[3]["gained"], rows[3]["lost"]) == ("0", "0")  # the first way of the second seed, beside itself
    assert all(int(row["gained"]) and int(row["lost"]) for row in (rows[2], *rows[4:]))
    assert len(capsys.readouterr().out.splitlines()) == len(rows) - 2


@pytest.mark.nightly
def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    model, out = network(tmp_path / "net.keras"), tmp_path / "rounding.csv"
    arguments = ["--data", "digits", "--samples", "48", "--epochs", "1", "--seeds", "2", "--out", out]
    line = list(map(str, [sys.executable, ROOT / "training" / "rounding_study.py", model, *arguments]))
    subprocess.run(line, check=True, capture_output=True)
    lines = out.read_text().splitlines()
    assert [each.split(",")[1:3] for each in lines[1:]] == [[way, seed] for seed in "01" for way in NAMES]
    out.write_text("\n".join(lines[:-1]) + "\n")
    again = subprocess.run(line, check=True, capture_output=True, text=True)
    assert [each.split(",")[:-1] for each in out.read_text().splitlines()] == [each.split(",")[:-1] for each in lines]
    assert len(again.stdout.splitlines()) == 1
