"""Arrays of features on the command line: predicted, evaluated, calibrated and checked on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from sepzoo.inference import open as open_file
from tests.cli.conftest import Command

SHAPE, CLASSES = (6, 5), 4


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models of windows of a sensor, one a kind of end, and labelled and unlabelled windows."""
    folder = tmp_path_factory.mktemp("features")
    keras.utils.set_random_seed(5)
    for name, units, activation in (
        ("softmax", CLASSES, "softmax"),
        ("linear", CLASSES, None),
        ("pair", 1, "sigmoid"),
        ("one", 1, None),
    ):
        source = keras.Input(SHAPE)
        x = keras.layers.Conv1D(8, 3, activation="relu")(source)
        x = keras.layers.Dense(units, activation=activation, name="head")(keras.layers.Flatten()(x))
        keras.Model(source, x, name=name).save(folder / f"{name}.keras")
    random = np.random.default_rng(1)
    inputs = random.normal(size=(90, *SHAPE)).astype("float32")
    np.savez(folder / "windows.npz", inputs=inputs, labels=random.integers(0, 2, 90))
    np.save(folder / "windows.npy", inputs[:7])
    return folder


def outputs_of(files: Path, name: str) -> np.ndarray:
    """Return what Keras itself gives for the windows."""
    with np.load(files / "windows.npz") as windows:
        inputs = windows["inputs"]
    return np.asarray(keras.saving.load_model(files / f"{name}.keras")(inputs))


def test_predict_prints_what_the_model_gives(command: Command, files: Path) -> None:
    outcome = command("predict", files / "linear.keras", files / "windows.npy")
    header, *rows = outcome.out.splitlines()
    assert header.split() == ["sample", "0", "1", "2", "3"]
    printed = np.array([[float(cell) for cell in row.split()[1:]] for row in rows])
    np.testing.assert_allclose(printed, outputs_of(files, "linear")[:7], rtol=1e-3)


def test_predict_as_json_and_as_a_file(command: Command, files: Path, tmp_path: Path) -> None:
    arguments = ["predict", files / "softmax.keras", files / "windows.npz"]
    found = json.loads(command(*arguments, "--json").out)
    assert (found["output"], found["labels"]) == ("softmax", None)
    (tmp_path / "names.txt").write_text("a\nb\nc\nd\n")
    outcome = command(*arguments, "--labels", tmp_path / "names.txt", "--out", tmp_path / "answers.npz")
    assert outcome.out == f"90 samples, softmax of shape (4,), written to {tmp_path / 'answers.npz'}\n"
    with np.load(tmp_path / "answers.npz", allow_pickle=False) as file:
        written = dict(file)
    assert written["labels"].tolist() == ["a", "b", "c", "d"]
    for outputs in (found["outputs"], written["outputs"]):
        np.testing.assert_allclose(outputs, outputs_of(files, "softmax"), atol=1e-6)


@pytest.mark.slow
def test_predict_takes_pixels_too(command: Command, small_files: Path, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    found = [
        json.loads(command("predict", small_files / name, tmp_path / "pixels.npy", "--json").out)["outputs"]
        for name in ("small.keras", "small.tflite")
    ]
    expected = np.asarray(keras.saving.load_model(small_files / "small.keras")(pixels / 127.5 - 1))
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    np.testing.assert_allclose(found[1], expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "right"),
    [
        ("softmax", None, lambda outputs: outputs.argmax(1)),
        ("linear", "logits", lambda outputs: outputs.argmax(1)),
        ("linear", "head=logits", lambda outputs: outputs.argmax(1)),
        ("pair", None, lambda outputs: (outputs[:, 0] > 0.5).astype(int)),
        ("one", "logits", lambda outputs: (outputs[:, 0] > 0).astype(int)),
    ],
)
def test_evaluate_and_export(command: Command, files: Path, tmp_path: Path, name: str, kind: str | None, right) -> None:  # type: ignore[no-untyped-def]
    said = [] if kind is None else ["--output-kind", kind]
    with np.load(files / "windows.npz") as windows:
        labels = windows["labels"]
    correct = int((right(outputs_of(files, name)) == labels).sum())
    found = json.loads(
        command("evaluate", files / f"{name}.keras", "--data", files / "windows.npz", *said, "--json").out
    )
    assert (found["count"], found["correct"], found["what"]) == (90, correct, "samples")
    outcome = command(
        "export",
        *(files / f"{name}.keras", "--to", "tflite:float32,tflite:int8", "--data", files / "windows.npz"),
        *("--calibration", "40", "--out", tmp_path, "--json", *said),
    )
    assert outcome.code == 0, outcome.err
    report, quantized = json.loads(outcome.out)["files"]
    assert report["comparison"]["count"] == 50
    assert report["comparison"]["model_accuracy"] == report["comparison"]["file_accuracy"] is not None
    assert quantized["calibration"] == "40 samples of windows.npz, seed 0"
    written = tmp_path / f"{name}_float32.tflite"
    again = json.loads(command("evaluate", written, "--data", files / "windows.npz", "--json").out)
    assert again["correct"] == correct
    assert open_file(written).output.kind == ("softmax" if name in ("softmax", "linear") else "sigmoid")


def test_without_a_kind_a_linear_end_is_values(command: Command, files: Path, tmp_path: Path) -> None:
    outcome = command("evaluate", files / "linear.keras", "--data", files / "windows.npz")
    assert outcome.code == 2
    assert outcome.err.startswith(
        "error: linear: expected class scores. Received: outputs of shape (4,), taken for values"
    )
    assert "--output-kind" in outcome.err
    outcome = command("export", files / "linear.keras", "--to", "tflite:float32", "--out", tmp_path)
    assert outcome.code == 0
    inputs = np.load(files / "windows.npy")
    np.testing.assert_allclose(
        open_file(tmp_path / "linear_float32.tflite").predict(inputs), outputs_of(files, "linear")[:7], atol=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output-kind", "logit"], "error: unknown kind of output 'logit'. Did you mean logits?"),
        (["--output-kind", "tail=logits"], "error: linear: expected the kind of its output, 'head'. Received: that of"),
        (
            ["--output-kind", "sigmoid"],
            "error: linear: expected one probability as sigmoid. Received: outputs of shape",
        ),
        (
            ["--output-kind", "values", "--output-kind", "logits"],
            "error: linear: expected the kind of its one output. Received: values, logits.",
        ),
        (["--output-kind", "logits", "--split", "test"], "error: expected no --split beside a file of features."),
    ],
)
def test_wrong_words(command: Command, files: Path, arguments: list[str], message: str) -> None:
    outcome = command("evaluate", files / "linear.keras", "--data", files / "windows.npz", *arguments)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert outcome.err.startswith(message)


def test_pictures_for_values_are_refused_before_any_is_read(command: Command, files: Path) -> None:
    outcome = command("evaluate", files / "linear.keras", "--data", "digits")
    assert outcome.code == 2
    assert "--output-kind" in outcome.err


def test_classify_takes_the_kind(command: Command, scans: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input((32, 32, 1)), keras.layers.Flatten(), keras.layers.Dense(2, activation="tanh")]
    )
    model.save(tmp_path / "net.keras")
    (tmp_path / "names.txt").write_text("a\nb\n")
    picture = next(scans.glob("3/*.png"))
    said = ["--labels", tmp_path / "names.txt", "--preprocessing", "zero_to_one,crop_fraction=1"]
    arguments = ["classify", tmp_path / "net.keras", picture, *said, "--json"]
    outcome = command(*arguments)
    assert outcome.code == 2
    assert "taken for values" in outcome.err
    [found] = json.loads(command(*arguments, "--output-kind", "logits").out)
    pixels = np.asarray(Image.open(picture), "float32")[None, ..., None] / 255
    expected = np.asarray(keras.ops.softmax(model(pixels)))[0]
    shown = {guess["label"]: guess["probability"] for guess in found["predictions"]}
    np.testing.assert_allclose([shown["a"], shown["b"]], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "expected labels beside the features. Received: none. Write both: numpy.savez("),
        (np.array([0, 4]), "expected labels 0 … 3, the classes of softmax. Received: 0 … 4."),
        (np.array([0, -1]), "expected labels 0 … 3, the classes of softmax. Received: -1 … 0."),
    ],
)
def test_wrong_labels(command: Command, files: Path, tmp_path: Path, labels: np.ndarray | None, message: str) -> None:
    more = {} if labels is None else {"labels": labels}
    np.savez(tmp_path / "x.npz", inputs=np.zeros((2, *SHAPE), "float32"), **more)
    outcome = command("evaluate", files / "softmax.keras", "--data", tmp_path / "x.npz")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert outcome.err.startswith(f"error: x.npz: {message}")


@pytest.mark.parametrize(
    ("data", "out", "message"),
    [
        (
            "one.png",
            "a.npz",
            "error: expected an .npy or .npz file, or a TFDS set of arrays. Received: one.png. Pictures go to sepzoo "
            "classify.",
        ),
        ("none.npy", "a.npz", "error: none.npy: no such file."),
        ("none.npy", "a.csv", "error: expected a file name that ends in .npz. Received: --out a.csv."),
    ],
)
def test_predict_refuses(command: Command, files: Path, data: str, out: str, message: str) -> None:
    outcome = command("predict", files / "softmax.keras", data, "--out", out)
    assert (outcome.code, outcome.err) == (2, message + "\n")


def test_rewriting_takes_features_to_fit_to(command: Command, files: Path, tmp_path: Path) -> None:
    source = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, name="dense")(source)
    model = keras.Model(source, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    model.save(tmp_path / "net.keras")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(40, 8, 8, 3)).astype("float32"))
    outcome = command(
        "rewrite",
        *(tmp_path / "net.keras", "--decouple", "terms=1", "--data", tmp_path / "x.npy", "--samples", "30"),
        *("--out", tmp_path / "half.keras"),
    )
    assert outcome.code == 0, outcome.err
    assert "(data-free " in outcome.out


@pytest.mark.parametrize("kind", ["lstm", "bidirectional"])
def test_a_loop_is_not_calibrated(command: Command, files: Path, tmp_path: Path, kind: str) -> None:
    layer: keras.layers.Layer = keras.layers.LSTM(3, name="lstm")
    if kind == "bidirectional":
        layer = keras.layers.Bidirectional(layer, name=kind)
    model = keras.Sequential([keras.Input(SHAPE), layer, keras.layers.Dense(2)])
    model.save(tmp_path / "net.keras")
    outcome = command(
        *("export", tmp_path / "net.keras", "--to", "tflite:float32,tflite:int8", "--data", files / "windows.npz")
    )
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert outcome.err.startswith("error: tflite:int8: expected layers that run without a loop. Received: 'sequential")
    assert f"whose recurrent layer '{kind}' TensorFlow's converter can't calibrate." in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["net.keras"]


@pytest.mark.parametrize("shape", [(26,), (8, 8), (8, 8, 6), (4, 8, 8, 3)])
def test_pictures_for_a_model_of_arrays_are_refused_at_once(
    command: Command, scans: Path, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    source = keras.Input(shape)
    x = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(source))
    keras.Model(source, x, name="net").save(tmp_path / "net.keras")
    said, model = ["--preprocessing", "zero_to_one"], tmp_path / "net.keras"
    commands: list[list[Any]] = [
        ["classify", model, scans / "3"],
        ["evaluate", model, "--data", "digits", *said],
        ["export", model, "--to", "tflite:int8", "--data", scans, "--out", tmp_path, *said],
        ["rewrite", model, "--fold", "--data", "digits", "--out", tmp_path / "new.keras", *said],
    ]
    for arguments in commands:
        outcome = command(*arguments)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        wanted = "error: net: expected a model of pictures, of 1, 3 or 4 channels. Received: one that takes arrays of"
        assert outcome.err.startswith(f"{wanted} shape {shape}. Give it such arrays, as an .npy")
    assert list(tmp_path.iterdir()) == [model]
