"""A run folder stands for its best network in every command, and a finished run is made longer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from sepzoo.data import open_source
from tests.cli.conftest import Command
from tests.reliability.commands import write_recipe
from tests.training.small_training import measured_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one epoch; `tiny.yaml` beside it."""
    from sepzoo.training import Recipe, run

    folder = tmp_path_factory.mktemp("runs")
    recipe = Recipe.load(write_recipe(folder)).with_overrides(["epochs=1", "schedule.kind=cosine"])
    return run(recipe, folder / "run", quiet=True).folder


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "scan.png"
    Image.fromarray(open_source("digits", split="test").pixels[0, ..., 0]).save(path)
    return path


@pytest.mark.parametrize(
    "line",
    [
        ["evaluate", "{}", "--data", "digits", "--split", "test[:20%]", "--json"],
        ["classify", "{}", "SCAN", "--json"],
        ["profile", "{}", "--json"],
    ],
)
def test_it_is_its_best_network(command: Command, run: Path, scan: Path, line: list[str]) -> None:
    folder, file = (
        command(*(scan if part == "SCAN" else part.format(model) for part in line))
        for model in (run, run / "best.keras")
    )
    assert folder.code == 0, folder.err
    assert json.loads(folder.out) == json.loads(file.out)
    if line[0] == "evaluate":
        found = json.loads(folder.out)
        result = json.loads((run / "result.json").read_text())
        assert found["correct"] / found["count"] == pytest.approx(result["test_accuracy"])


@pytest.mark.parametrize("name", ["evaluate", "classify"])
def test_a_run_that_was_broken_off_is_none(command: Command, run: Path, scan: Path, tmp_path: Path, name: str) -> None:
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / "result.json").unlink()
    outcome = command(name, broken, *(["--data", "digits"] if name == "evaluate" else [scan]))
    assert outcome.code == 2
    assert outcome.err == (
        f"error: expected a finished run. Received: {broken}, which was broken off. Its best network so far is "
        f"{broken / 'best.keras'}. Finish it: sepzoo train {broken / 'recipe.yaml'} --out {broken}\n"
    )


def test_a_finished_run_is_made_longer(command: Command, run: Path, tmp_path: Path) -> None:
    longer = shutil.copytree(run, tmp_path / "run")
    before = measured_in(longer)
    line = ["train", run.parent / "tiny.yaml", "--set", "schedule.kind=cosine", "--out", longer]
    outcome = command(*line, "--set", "epochs=2")
    assert outcome.code == 0, outcome.err
    assert "resumed after epoch 1" in outcome.err
    assert "2 epochs (no unbroken run: its schedule was made for 1 at first)" in outcome.out
    first, second = measured_in(longer)
    assert [first] == before
    assert second["learning_rate"] == pytest.approx(0.05 * 0.5)  # of a cosine of two epochs, in the middle
    from sepzoo.training import Recipe

    kept = Recipe.load(longer / "recipe.yaml")
    assert (kept.epochs, kept.earlier_epochs) == (2, (1,))
    again = command(*line, "--set", "epochs=2")
    assert (again.code, again.err) == (0, "")
    assert again.out == outcome.out
    shorter = command(*line, "--set", "epochs=1")
    assert shorter.code == 2
    assert "epochs=2 there, epochs=1 here" in shorter.err
