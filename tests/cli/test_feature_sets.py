"""Arrays of a TFDS set on the command line: predicted, evaluated, calibrated, checked and fitted on."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo.inference import open as open_file
from tests.cli.conftest import Command
from tests.feature_sets import CLASSES, read_set, write_all

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sets, and untrained models that take them."""
    folder = tmp_path_factory.mktemp("sets")
    write_all(folder)
    keras.utils.set_random_seed(2)
    source = keras.Input((6, 5, 1), name="x")
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu")(source)
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="conv")(x)
    keras.Model(source, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x)), name="net").save(
        folder / "net.keras"
    )
    sound = keras.Input((16,))
    x = keras.layers.Dense(3, activation="softmax")(keras.layers.Rescaling(0.01)(sound))
    keras.Model(sound, x, name="ear").save(folder / "ear.keras")
    age, left = keras.Input((1,), name="age"), keras.Input((4,), name="left")
    columns = {"age": age, "body": {"left": left}}
    x = keras.layers.Concatenate()([keras.layers.Rescaling(0.02)(age), left])
    keras.Model(columns, keras.layers.Dense(3, activation="softmax")(x), name="columns").save(folder / "columns.keras")
    source = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu")(source)
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    x = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x))
    keras.Model(source, x, name="eye").save(folder / "eye.keras")
    place = keras.Input((2,), name="place")
    x = keras.layers.Concatenate()([keras.layers.GlobalAveragePooling2D()(source), place])
    keras.Model({"image": source, "place": place}, keras.layers.Dense(3, activation="softmax")(x), name="both").save(
        folder / "both.keras"
    )
    (folder / "names.txt").write_text("rest\nswing\ntap\n")
    return folder


@pytest.fixture
def command(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command that finds the sets, as `TFDS_DATA_DIR` lets a new process do."""
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(folder))
    return command


def given(folder: Path, model: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what Keras itself answers on what TFDS itself reads, and the labels."""
    name = {"net": "windows", "ear": "sounds", "columns": "table", "both": "photos"}[model]
    examples = read_set(folder, name, split)

    def column(key: str) -> np.ndarray:
        return np.stack([example[key] for example in examples]).astype("float32")

    inputs: Any = {
        "net": lambda: column("motion"),
        "ear": lambda: column("audio"),
        "columns": lambda: {
            "age": column("age")[:, None],
            "body": {"left": np.stack([each["body"]["left"] for each in examples])},
        },
        "both": lambda: {"image": column("image") / 255, "place": column("place")},
    }[model]()
    outputs = np.asarray(keras.saving.load_model(folder / f"{model}.keras")(inputs))
    return outputs, np.array([example["label"] for example in examples])


RUNS = [("net", "windows", []), ("ear", "sounds", []), ("columns", "table", [])]
RUNS += [("both", "photos", ["--preprocessing", "zero_to_one"])]


@pytest.mark.parametrize(("model", "name", "said"), RUNS)
def test_predict_evaluate_export(
    command: Command, folder: Path, tmp_path: Path, model: str, name: str, said: list[str]
) -> None:
    file = folder / f"{model}.keras"
    outputs, labels = given(folder, model, "test")
    outcome = command("predict", file, name, "--json", *said)
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    np.testing.assert_allclose(found["outputs"], outputs, atol=1e-5)
    part, _ = given(folder, model, "train[:10%]")
    found = json.loads(command("predict", file, f"tfds:{name}", "--split", "train[:10%]", "--json", *said).out)
    np.testing.assert_allclose(found["outputs"], part, atol=1e-5)
    # The model's classes stand in another order than the set's: rest, swing, tap.
    correct = int((outputs.argmax(1) == np.array([1, 2, 0])[labels]).sum())
    named = [*said, "--labels", folder / "names.txt"]
    found = json.loads(command("evaluate", file, "--data", name, "--json", *named).out)
    assert (found["count"], found["correct"], found["data"]) == (30, correct, f"{name} test")
    assert found["matched"] == "by name"
    plain = json.loads(command("evaluate", file, "--data", name, "--json", *said).out)
    assert (plain["correct"], plain["matched"]) == (int((outputs.argmax(1) == labels).sum()), "by number")
    quantized = ["tflite:int8"] if model in ("net", "both") else []
    arguments: list[Any] = ["export", file, "--to", ",".join(["tflite:float32", *quantized]), "--data", name, *named]
    outcome = command(*arguments, "--out", tmp_path, "--json")
    assert outcome.code == 0, outcome.err
    plain, *whole = json.loads(outcome.out)["files"]
    assert [each["calibration"] for each in whole] == len(quantized) * [f"48 samples of {name} train[20%:], seed 0"]
    assert plain["comparison"]["origin"] == f"30 samples of {name} test, seed 0"
    assert plain["comparison"]["file_accuracy"] == pytest.approx(correct / 30)
    assert plain["comparison"]["matched"] == "by name"
    written = open_file(tmp_path / f"{model}_float32.tflite")
    assert written.labels == ("rest", "swing", "tap")


def test_rewrite_fits_to_arrays(command: Command, folder: Path, tmp_path: Path) -> None:
    arguments: list[Any] = ["rewrite", folder / "net.keras", "--decouple", "terms=2", "--data", "windows"]
    outcome = command(*arguments, "--samples", "20", "--out", tmp_path / "new.keras", "--json")
    assert outcome.code == 0, outcome.err
    motion = np.stack([example["motion"] for example in read_set(folder, "windows", "test")])
    before, after = (
        np.asarray(keras.saving.load_model(file)(motion)) for file in (folder / "net.keras", tmp_path / "new.keras")
    )
    outcome = command(*arguments[:-2], "--out", tmp_path / "free.keras")
    free = np.asarray(keras.saving.load_model(tmp_path / "free.keras")(motion))
    assert 0 < np.abs(before - after).mean() < np.abs(before - free).mean()
    outcome = command(*arguments[:-1], "sounds", "--out", tmp_path / "none.keras")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "expected samples of shape (n, 6, 5, 1) for 'net', at least one. Received: int64 of shape" in outcome.err
    assert not (tmp_path / "none.keras").exists()


def test_a_model_of_pictures_takes_the_pictures_of_a_set(command: Command, folder: Path) -> None:
    said = ["--preprocessing", "zero_to_one", "--json"]
    found = json.loads(command("evaluate", folder / "eye.keras", "--data", "photos", *said).out)
    examples = read_set(folder, "photos", "test")
    pixels = np.stack([example["image"] for example in examples]) / np.float32(255)
    answers = np.asarray(keras.saving.load_model(folder / "eye.keras")(pixels)).argmax(1)
    assert found["correct"] == sum(int(a == example["label"]) for a, example in zip(answers, examples, strict=True))
    assert found["what"] == "images"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "ear.keras", "uneven"], "error: uneven: expected samples of one shape. Received: audio of shape "),
        (["evaluate", "ear.keras", "--data", "uneven"], "error: uneven: expected samples of one shape."),
        (
            ["evaluate", "ear.keras", "--data", "sounds", "--split", "unlabelled"],
            "error: sounds unlabelled: expected l",
        ),
        (["predict", "net.keras", "sounds"], "error: net: expected features of shape ('n', 6, 5, 1). Received: int64"),
        (["predict", "net.keras", "windows", "--split", "val"], "error: expected a split of windows: train ("),
        (["evaluate", "columns.keras", "--data", "windows"], "error: windows: expected a feature of numbers for each "),
        (["predict", "eye.keras", "photos"], "error: expected an .npy or .npz file, or a TFDS set of arrays. Received"),
        (["predict", "net.keras", "window"], "error: unknown data set 'window'."),
        (["export", "net.keras", "--to", "xla", "--data", "sounds"], "error: net: expected features of shape ('n', 6"),
    ],
)
def test_what_cannot_be_done_is_one_line(command: Command, folder: Path, arguments: list[str], message: str) -> None:
    before = sorted(folder.iterdir())
    outcome = command(*(folder / word if word.endswith(".keras") else word for word in arguments))
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert outcome.err.startswith(message)
    assert sorted(folder.iterdir()) == before


def test_classes_of_another_model_give_no_accuracy(command: Command, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("a\ntap\nrest\n")
    arguments: list[Any] = ["export", folder / "net.keras", "--to", "tflite:float32", "--data", "windows"]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        outcome = command(*arguments, "--out", tmp_path, "--json", "--labels", tmp_path / "names.txt")
    assert outcome.code == 0
    assert "warning: no accuracy will be measured: expected data whose classes are labels of net" in outcome.err
    [report] = json.loads(outcome.out)["files"]
    assert report["comparison"]["file_accuracy"] is None
    assert report["comparison"]["agreement"] == 1.0


def test_python_takes_them_too(folder: Path, tmp_path: Path) -> None:
    from sepzoo import data, export, inference

    train, test = (data.open_features("windows", split=split, data_dir=str(folder)) for split in ("train", "test"))
    labels = ["rest", "swing", "tap"]
    outputs, right = given(folder, "net", "test")
    correct = int((outputs.argmax(1) == np.array([1, 2, 0])[right]).sum())
    classifier = inference.open(folder / "net.keras", labels=labels)
    evaluation = classifier.evaluate(test)
    assert (evaluation.correct, evaluation.matched) == (correct, "by name")
    np.testing.assert_allclose(classifier.predict(test.images), outputs, atol=1e-5)
    report = export.tflite(
        keras.saving.load_model(folder / "net.keras"),
        tmp_path / "net.tflite",
        quantize="float16",
        calibration=train,
        check=test,
        labels=CLASSES,
    )
    assert report.comparison.model_accuracy == pytest.approx(float((outputs.argmax(1) == right).mean()))
