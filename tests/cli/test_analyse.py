from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sepzoo.analysis import kernel_correlations
from sepzoo.artifact import model_file
from tests.cli.conftest import Command


def test_a_table(command: Command, small_files: Path) -> None:
    outcome = command("analyse", small_files / "small.keras")
    assert outcome.code == 0, outcome.err
    header, *lines = outcome.out.splitlines()
    assert header.split()[:2] == ["layer", "kind"]
    assert len(lines) == 14
    assert lines[0].startswith("stem ")


def test_json_is_what_the_library_finds(command: Command, small_files: Path) -> None:
    found = json.loads(command("analyse", small_files / "small.keras", "--json").out)
    expected = kernel_correlations(model_file.load(small_files / "small.keras"))
    assert found["layers"] == json.loads(expected.to_json())["layers"]


@pytest.mark.slow
def test_pictures_and_their_numbers(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = command("analyse", "cifar_resnet20", "--plot")
    assert outcome.code == 0, outcome.err
    folder = tmp_path / "cifar_resnet20_analysis"
    assert {path.name for path in folder.iterdir()} == {
        *("correlations.csv", "correlations.png", "costs.csv", "costs.png", "kernels.png")
    }
    with (folder / "correlations.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 19


def test_where_pictures_cannot_be_written_is_said_before_the_work(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sepzoo.analysis.kernel_correlations", None)  # nothing is computed
    (tmp_path / "costs.csv").mkdir()
    outcome = command("analyse", "cifar_resnet20", "--plot", "--out", tmp_path)
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: expected the name of a file to write. Received: {tmp_path / 'costs.csv'}, ")
    (tmp_path / "file").write_text("mine")
    outcome = command("analyse", "cifar_resnet20", "--plot", "--out", tmp_path / "file")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["costs.csv", "file"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cifar_resnt20"], "error: unknown model 'cifar_resnt20'. Did you mean cifar_resnet20"),
        (["none.keras"], "error: expected a model file. Received: none.keras, which does not exist."),
        (
            ["cifar_resnet20", "--plot", "--layer", "stm", "--out", "a"],
            "error: unknown layer 'stm'. Did you mean stem, stem_bn?",
        ),
    ],
)
def test_mistakes(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = command("analyse", *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith(message)
