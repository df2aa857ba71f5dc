from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.artifact import model_file
from tests.cli.conftest import Command


def test_a_network_goes_into_a_file_with_its_preprocessing(command: Command, tmp_path: Path) -> None:
    settings = ["--set", "alpha=0.25", "--set", "classes=3", "--input-shape", "32,32,3"]
    outcome = command("build", "mobilenet_v1", *settings, "--out", tmp_path / "new.keras")
    assert outcome.code == 0, outcome.err
    model = model_file.load(tmp_path / "new.keras")
    assert (model.input_shape, model.output_shape) == ((None, 32, 32, 3), (None, 3))
    metadata = model_file.metadata_of(model)
    assert metadata is not None
    assert metadata.preprocessing is not None


def test_what_cannot_be_written_is_said_first(command: Command, tmp_path: Path) -> None:
    outcome = command("build", "mobilenet_v1", "--out", tmp_path / "new.h5")
    assert outcome.code == 2
    assert outcome.err.startswith("error: expected a file name that ends in .keras. Received: --out ")
    assert command("build", "mobilenet_v1", "--out", "x.keras", "--set", "alfa=1").code == 2


def test_paths_are_not_names(command: Command, small_files: Path, tmp_path: Path) -> None:
    for text, message in (
        ("runs/finetune", "error: expected a model file. Received: runs/finetune, which does not exist"),
        ("x.hdf5", "error: expected a model file. Received: x.hdf5, which does not exist"),
        (str(tmp_path), f"error: expected a run folder. Received: {tmp_path}, which has no recipe.yaml."),
    ):
        for arguments in (["profile"], ["analyse"], ["export", "--to", "xla"]):
            outcome = command(*arguments[:1], text, *arguments[1:])
            assert (outcome.code, outcome.err.count("\n")) == (2, 1)
            assert outcome.err.startswith(message)


@pytest.mark.parametrize("line", [["build", "vgg16", "--out", "new.keras"], ["profile", "vgg16"]])
def test_an_argument_is_not_said_twice(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = command(*line, "--set", "input_shape=[32, 32, 3]", "--input-shape", "64,64,3")
    message = "error: expected input_shape once. Received: --input-shape and --set input_shape=… Leave one out.\n"
    assert (outcome.code, outcome.err) == (2, message)
    twice = ["--set", "weights=a.h5", "--weights", "b.h5"]
    assert "expected weights once" in command("build", "vgg16", "--out", "new.keras", *twice).err
    assert list(tmp_path.iterdir()) == []
