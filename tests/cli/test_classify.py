from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from sepzoo.artifact.model_file import save
from tests.cli.conftest import Command
from tests.command import run_command

BLOCKED = "import sys\nfor name in ('tensorflow', 'keras', 'tf_keras'): sys.modules[name] = None"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    pixels = np.random.default_rng(3).integers(0, 256, (2, 32, 32), np.uint8)
    paths = [folder / "one.png", folder / "two.png"]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image).save(path)
    return paths


def by_hand(model: Path, picture: Path) -> np.ndarray:
    """Return the probabilities that LiteRT gives for the middle of a picture, of 37 rows resized, in -1 … 1."""
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    middle = Image.open(picture).resize((37, 37), Image.Resampling.BILINEAR).crop((2, 2, 34, 34))
    pixels = np.asarray(middle, np.float32)[None, :, :, None] / 127.5 - 1
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


@pytest.mark.parametrize("name", ["small.tflite", "small.keras"])
def test_json_is_what_the_network_says(command: Command, small_files: Path, pictures: list[Path], name: str) -> None:
    answers = json.loads(command("classify", small_files / name, *pictures, "--top", "3", "--json").out)
    assert [answer["file"] for answer in answers] == [str(path) for path in pictures]
    for answer, picture in zip(answers, pictures, strict=True):
        expected = by_hand(small_files / "small.tflite", picture)
        best = np.argsort(-expected)[:3]
        assert [guess["label"] for guess in answer["predictions"]] == [str(index) for index in best]
        found = [guess["probability"] for guess in answer["predictions"]]
        np.testing.assert_allclose(found, expected[best], atol=1e-5)


def test_table_names_a_picture_once(command: Command, small_files: Path, pictures: list[Path]) -> None:
    header, *lines = command("classify", small_files / "small.tflite", *pictures).out.splitlines()
    assert header.split() == ["file", "label", "probability"]
    assert len(lines) == 10
    assert [line.split()[0] for line in lines if str(pictures[0].parent) in line] == [str(path) for path in pictures]


def test_tflite_needs_neither_tensorflow_nor_keras(small_files: Path, pictures: list[Path]) -> None:
    done = run_command("classify", small_files / "small.tflite", *pictures, "--json", before=BLOCKED)
    assert done.stderr == ""
    assert len(json.loads(done.stdout)) == 2


@pytest.mark.slow
def test_keras_is_opened_in_silence(small_files: Path, pictures: list[Path]) -> None:
    done = run_command("classify", small_files / "small.keras", pictures[0])
    assert done.returncode == 0
    assert done.stderr == ""


def test_bad_pictures_are_named_and_the_others_answered(
    command: Command, small_files: Path, pictures: list[Path]
) -> None:
    broken = pictures[0].with_name("broken.png")
    broken.write_bytes(pictures[0].read_bytes()[:60])
    outcome = command("classify", small_files / "small.tflite", pictures[0], broken, "none.png")
    assert outcome.code == 1
    assert [line.split()[0] for line in outcome.out.splitlines()[1:] if ".png" in line] == [str(pictures[0])]
    assert outcome.err.startswith("error: 2 of 3 images cannot be read. ")
    assert "broken.png" in outcome.err
    assert "none.png: no such file" in outcome.err


def test_a_file_without_labels(command: Command, pictures: list[Path], tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    outcome = command("classify", save(model, tmp_path / "mute.keras"), pictures[0])
    assert outcome.code == 2
    assert "expected a file with labels. Received: one without." in outcome.err


def test_a_damaged_file(command: Command, small_files: Path, pictures: list[Path], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes((small_files / "small.tflite").read_bytes()[1000:])
    outcome = command("classify", damaged, pictures[0])
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: {damaged}: expected a TFLite file.")


def test_pictures_that_are_all_bad_are_a_mistake(command: Command, small_files: Path) -> None:
    outcome = command("classify", small_files / "small.tflite", "none.png", "no.png")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: 2 of 2 images cannot be read. ")


def test_a_folder_is_all_its_pictures(
    command: Command, small_files: Path, pictures: list[Path], tmp_path: Path
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for path, name in zip(pictures, ("b.png", "inner/a.PNG"), strict=True):
        (tmp_path / name).write_bytes(path.read_bytes())
    (tmp_path / "notes.txt").write_text("no picture")
    outcome = command("classify", small_files / "small.tflite", tmp_path, "--json")
    assert [answer["file"] for answer in json.loads(outcome.out)] == [str(tmp_path / "b.png"), str(inner / "a.PNG")]
    assert outcome.err == f"warning: {tmp_path}: left out, since they are no pictures: {tmp_path / 'notes.txt'}\n"
    (inner / "empty").mkdir()
    outcome = command("classify", small_files / "small.tflite", inner / "empty")
    assert outcome.code == 2
    assert outcome.err.startswith("error: expected pictures in the folder. ")
