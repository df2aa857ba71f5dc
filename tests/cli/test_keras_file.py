"""Commands that write a network into a `.keras` file leave the one that they read."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from tests.cli.conftest import Command

COMMANDS = {
    "rewrite": ("--fold", "--out"),
    "compress": ("--prune", "0.5", "--data", "digits", "--out"),
    "shrink": ("--macs", "50%", "--data", "digits", "--out", "small.tflite", "--keras"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("way", ["its name", "another path", "of a run folder"])
def test_the_models_own_file_is_not_written_over(
    name: str, way: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]).save("best.keras")
    content = Path("best.keras").read_bytes()
    model, out = {
        "its name": ("best.keras", "best.keras"),
        "another path": ("best.keras", str(tmp_path / "best.keras")),
        "of a run folder": (str(tmp_path), "best.keras"),
    }[way]
    outcome = command(name, model, *COMMANDS[name], out)
    option = COMMANDS[name][-1]
    assert outcome.code == 2
    assert f"expected another file than the model's own, which would be lost. Received: {option} {out}." in outcome.err
    assert Path("best.keras").read_bytes() == content
    assert sorted(each.name for each in tmp_path.iterdir()) == ["best.keras"]
