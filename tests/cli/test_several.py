"""Models of several inputs and outputs on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.cli.conftest import Command
from tests.several_models import data_for, expected, made

KINDS = ["--output-kind", "zebra=logits", "--output-kind", "ant=values"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models, and their samples with the right class of each."""
    folder = tmp_path_factory.mktemp("several")
    for name, stem in (("two and two", "pair"), ("dictionaries", "dictionaries")):
        model, data = made(name), data_for(name)
        model.name = stem
        model.save(folder / f"{stem}.keras")
        outputs = expected(name, model, data)
        labels = outputs["zebra" if stem == "pair" else "species"].argmax(axis=1)
        np.savez(folder / f"{stem}.npz", labels=labels, **data)
        np.savez(folder / f"{stem}_outputs.npz", **outputs)
    source = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(source))
    keras.Model(source, keras.layers.Dense(3, activation="softmax")(x), name="one").save(folder / "one.keras")
    (folder / "names.txt").write_text("a\nb\nc\n")
    return folder


def outputs_of(files: Path, stem: str) -> dict[str, np.ndarray]:
    with np.load(files / f"{stem}_outputs.npz") as outputs:
        return dict(outputs)


def probabilities(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_predict_prints_a_table_an_output(command: Command, files: Path) -> None:
    outcome = command("predict", files / "pair.keras", files / "pair.npz", "--labels", files / "names.txt", *KINDS)
    first, second = outcome.out.split("\n\n")
    wanted = outputs_of(files, "pair")
    wanted["zebra"] = probabilities(wanted["zebra"])
    for text, title, names in (
        (first, "zebra: logits", ["a", "b", "c"]),
        (second, "ant: values", ["0", "1", "2"]),
    ):
        heading, header, *rows = text.splitlines()
        assert (heading, header.split()) == (title, ["sample", *names])
        printed = np.array([[float(cell) for cell in row.split()[1:]] for row in rows])
        np.testing.assert_allclose(printed, wanted[title.partition(":")[0]], rtol=1e-3, atol=1e-6)


def test_predict_as_json_and_as_a_file(command: Command, files: Path, tmp_path: Path) -> None:
    arguments = ["predict", files / "dictionaries.keras", files / "dictionaries.npz"]
    arguments += ["--preprocessing", "mean=[10,20,30],std=64"]
    found = json.loads(command(*arguments, "--json").out)
    outcome = command(*arguments, "--out", tmp_path / "answers.npz")
    assert outcome.out == (
        "60 samples, grid: map of shape (2, 2, 2); species: softmax of shape (4,); tags: multilabel of shape (3,), "
        f"written to {tmp_path / 'answers.npz'}\n"
    )
    with np.load(tmp_path / "answers.npz", allow_pickle=False) as file:
        written = dict(file)
    assert list(found) == list(written) == ["grid", "species", "tags"]
    for name, values in outputs_of(files, "dictionaries").items():
        np.testing.assert_allclose(found[name]["outputs"], values, atol=1e-5)
        np.testing.assert_allclose(written[name], values, atol=1e-5)


@pytest.mark.parametrize("name", ["file", "labels"])
def test_outputs_are_written_whatever_they_are_called(command: Command, tmp_path: Path, name: str) -> None:
    source = keras.Input((4,))
    outputs = {name: keras.layers.Dense(2)(source), "classes": keras.layers.Dense(3, activation="softmax")(source)}
    model = keras.Model(source, outputs)
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.eye(4, dtype="float32"))
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    command(
        "predict",
        tmp_path / "m.keras",
        tmp_path / "x.npy",
        "--out",
        tmp_path / "o.npz",
        "--labels",
        tmp_path / "names.txt",
    )
    with np.load(tmp_path / "o.npz", allow_pickle=False) as file:
        written = dict(file)
    np.testing.assert_allclose(written[name], model.predict(np.eye(4), verbose=0)[name], atol=1e-6)
    assert set(written) == {name, "classes", "labels"}


@pytest.mark.slow
def test_export_evaluate_predict(command: Command, files: Path, tmp_path: Path) -> None:
    arguments: list[Any] = ["export", files / "pair.keras", "--to", "tflite:float32,tflite:int8,xla", "--out", tmp_path]
    outcome = command(*arguments, "--data", files / "pair.npz", "--labels", files / "names.txt", *KINDS)
    assert outcome.code == 0, outcome.err
    assert re.search(r"tflite:int8, output zebra: .*relative error .*same answer", outcome.out)
    assert "tflite:int8, output ant: relative error" in outcome.out
    assert "(outputs are no class scores)" in outcome.out
    wanted = outputs_of(files, "pair")
    wanted["zebra"] = probabilities(wanted["zebra"])
    for name, limit in (("pair_float32.tflite", 1e-4), ("pair_int8.tflite", 0.1), ("pair_xla", 1e-4)):
        found = json.loads(command("predict", tmp_path / name, files / "pair.npz", "--json").out)
        for output, values in wanted.items():
            assert np.abs(np.array(found[output]["outputs"]) - values).mean() < limit * values.std()
        evaluated = json.loads(command("evaluate", tmp_path / name, "--data", files / "pair.npz", "--json").out)
        assert evaluated["top1"] == 1.0 or (name == "pair_int8.tflite" and evaluated["top1"] > 0.9)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["classify", "pair.keras", "."],
            "expected a model of one input. Received: one of 2, near, far. Give it an .npz",
        ),
        (
            ["evaluate", "pair.keras", "--data", "digits"],
            "expected a model of one input. Received: one of 2, near, far.",
        ),
        (["evaluate", "pair.keras", "--data", "pair.npz"], "--output-kind zebra=logits)."),
        (
            ["predict", "pair.keras", "pair.npz", "--output-kind", "logits"],
            "its outputs, zebra, ant, each by its name and",
        ),
        (["predict", "pair.keras", "dictionaries.npz"], "each of its inputs, near, far. Received: near, photo, words."),
        (["predict", "dictionaries.keras", "dictionaries.npz"], "input 'photo': expected a file that says how pixels"),
        (["predict", "one.keras", "pair.npz"], "one array of features, and labels beside it. Received: near, far."),
        (
            ["predict", "one.keras", "pair.npz", "--preprocessing", "zero_to_one"],
            "one array of features, and labels beside it. Received: near, far.",
        ),
        (
            ["rewrite", "one.keras", "--decouple", "terms=2", "--data", "pair.npz", "--out", "new.keras"],
            "samples of one array for 'one', which has one input. Received: near, far.",
        ),
        (
            ["rewrite", "pair.keras", "--decouple", "terms=2", "--data", "dictionaries.npz", "--out", "new.keras"],
            "expected samples of each input of 'pair', near, far. Received: near, photo, words. Pass a dictionary of",
        ),
        (["export", "pair.keras", "--to", "tflite:int8"], "tflite:int8 needs images to calibrate on."),
        (["export", "dictionaries.keras", "--to", "xla"], "input 'photo'\" without. Pass preprocessing"),
        (
            ["export", "pair.keras", "--to", "xla", "--data", "dictionaries.npz"],
            "Received: near, photo, words. Pass a dic",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(command: Command, files: Path, arguments: list[str], text: str) -> None:
    before = sorted(files.iterdir())
    outcome = command(*(files / word if "." in word or word == "." else word for word in arguments))
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert text in outcome.err
    assert sorted(files.iterdir()) == before
