from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.data import draw_samples, open_source
from sepzoo.inference import open as open_file
from sepzoo.records.preprocessing import ZERO_TO_ONE, Preprocessing
from tests.cli.conftest import Command


@pytest.mark.slow
def test_several_files_beside_the_model(command: Command, small_files: Path, tmp_path: Path) -> None:
    model = tmp_path / "net.keras"
    model.write_bytes((small_files / "small.keras").read_bytes())
    outcome = command("export", model, "--to", "tflite:float32, tflite:float16", "--data", "digits")
    assert outcome.code == 0, outcome.err
    assert {path.name for path in tmp_path.iterdir()} == {"net.keras", "net_float32.tflite", "net_float16.tflite"}
    header, *lines = outcome.out.splitlines()
    assert header.split() == ["file", "KiB", "accuracy", "same", "answer", "KL,", "nats", "ms/image", "status"]
    *rows, checked = lines
    assert [line.split()[0] for line in rows] == ["Keras", "tflite:float32", "tflite:float16"]
    assert [line.endswith("  pass") for line in rows] == [False, True, True]
    assert checked == "checked on 359 images of digits test, seed 0, classes matched by name"
    samples = draw_samples(open_source("digits", split="test", image_size=(32, 32), channels=1), 359, 0)
    keras_gives, file_gives = (
        open_file(path).predict(samples.images) for path in (model, tmp_path / "net_float16.tflite")
    )
    divergence = np.mean(np.sum(keras_gives * np.log(keras_gives / file_gives), axis=1))
    assert float(rows[2].split()[5]) == pytest.approx(divergence, abs=6e-6)
    assert open_file(tmp_path / "net_float16.tflite").labels == tuple("0123456789")


@pytest.mark.slow
def test_json_has_the_reports(command: Command, small_files: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    outcome = command("export", small_files / "small.keras", "--to", "tflite:float32", "--out", out, "--json")
    found = json.loads(outcome.out)
    assert found["keras"]["path"] == str(small_files / "small.keras")
    [report] = found["files"]
    assert report["path"] == str(out / "small_float32.tflite")
    assert report["size"] == (out / "small_float32.tflite").stat().st_size
    assert report["comparison"]["max_error"] < 1e-4


@pytest.mark.slow
def test_calibration_and_seed_are_as_asked(command: Command, small_files: Path, tmp_path: Path) -> None:
    arguments = ["--to", "tflite:dynamic", "--data", "digits", "--calibration", "17", "--seed", "5", "--json"]
    outcome = command("export", small_files / "small.keras", *arguments, "--out", tmp_path)
    [report] = json.loads(outcome.out)["files"]
    assert report["calibration"] == "17 images of digits train[20%:], seed 5"
    assert report["comparison"]["origin"] == "359 images of digits test, seed 5"


@pytest.mark.slow
def test_a_network_by_name_with_real_weights(command: Command, shared: Path, tmp_path: Path) -> None:
    weights = shared / "weights" / "mobilenet_v1_0.75_224_imagenet_keras.npz"
    arguments = ["mobilenet_v1", "--weights", weights, "--to", "tflite:float32", "--out", tmp_path]
    wide = command("export", *arguments)
    assert wide.code == 2
    assert wide.err.count("\n") == 1
    assert command("export", *arguments, "--set", "alpha=0.75").code == 0
    photograph = next((shared / "data" / "imagenet_sample" / "images").glob("0000_*"))
    assert open_file(tmp_path / "mobilenet_v1_float32.tflite").predict(photograph).argmax() == 0


@pytest.mark.slow
def test_a_network_by_name(command: Command, tmp_path: Path) -> None:
    outcome = command("export", "cifar_mobilenetv1_w1d4", "--to", "tflite:float32", "--out", tmp_path)
    assert outcome.code == 0, outcome.err
    assert "checked on 16 images of random pixels, seed 0" in outcome.out
    assert open_file(tmp_path / "cifar_mobilenetv1_w1d4_float32.tflite").classes == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "tflite:int9"], "error: unknown target 'tflite:int9'. Did you mean tflite:int8, "),
        (["--to", "tflite:int8"], "error: tflite:int8 needs images to calibrate on. Received: no --data."),
        (["--to", "xla", "--weights", "imagenet"], "error: expected --weights and --set beside a network's name."),
        (["--to", "tflite:int8", "--data", "digit"], "error: "),
    ],
)
def test_bad_arguments(command: Command, small_files: Path, arguments: list[str], message: str) -> None:
    outcome = command("export", small_files / "small.keras", *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith(message)
    assert outcome.err.count("\n") == 1
    assert {path.name for path in small_files.iterdir()} == {"small.keras", "small.tflite"}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that says neither what its classes are called nor what it expects, and a file with two names."""
    folder = tmp_path_factory.mktemp("foreign")
    keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ],
        name="foreign",
    ).save(folder / "foreign.keras")
    (folder / "labels.txt").write_text("no person\nperson\n")
    return folder


def test_a_foreign_model_is_described_on_the_command_line(command: Command, foreign: Path, tmp_path: Path) -> None:
    told = ["--labels", foreign / "labels.txt", "--preprocessing", "mean=[1,2,3],std=50,crop_fraction=1"]
    outcome = command("export", foreign / "foreign.keras", "--to", "tflite:float32", "--out", tmp_path, *told)
    assert outcome.code == 0, outcome.err
    found = open_file(tmp_path / "foreign_float32.tflite")
    assert found.labels == ("no person", "person")
    assert found.preprocessing == Preprocessing(mean=(1.0, 2.0, 3.0), std=(50.0,), crop_fraction=1.0)


@pytest.mark.slow
def test_what_is_said_goes_before_what_the_file_says(command: Command, small_files: Path, tmp_path: Path) -> None:
    arguments = ["--to", "tflite:float32", "--out", tmp_path, "--preprocessing", "zero_to_one"]
    assert command("export", small_files / "small.keras", *arguments).code == 0
    found = open_file(tmp_path / "small_float32.tflite")
    assert (found.preprocessing, found.labels) == (ZERO_TO_ONE, tuple("0123456789"))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([], "'foreign' without. Pass preprocessing=Preprocessing(mean=..., std=...) (on the command line: --prep"),
        (["--preprocessing", "zero_to_on"], "error: unknown preprocessing 'zero_to_on'. Did you mean zero_to_one"),
        (
            ["--preprocessing", "mean=[1,2],std=1"],
            "expected mean of the pixels as one number, or one for each of its 3",
        ),
        (["--preprocessing", "caffe", "--labels", "LABELS3"], "expected as many labels as outputs. Received: 3 labels"),
    ],
)
def test_what_a_foreign_model_can_not_be(
    command: Command, foreign: Path, tmp_path: Path, told: list[str], message: str
) -> None:
    (tmp_path / "three.txt").write_text("a\nb\nc\n")
    told = [str(tmp_path / "three.txt") if word == "LABELS3" else word for word in told]
    outcome = command("export", foreign / "foreign.keras", "--to", "tflite:float32", "--out", tmp_path / "out", *told)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.slow
def test_a_file_of_keras_2_with_its_published_twin(command: Command, shared: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("no person\nperson\n")
    told = ["--labels", tmp_path / "labels.txt", "--preprocessing", "zero_to_one"]
    weights = shared / "weights"
    assert command("export", weights / "vww_96.h5", "--to", "tflite:float32", "--out", tmp_path, *told).code == 0
    groom = next((shared / "data" / "imagenet_sample" / "images").glob("0982_*"))
    ours, theirs = (
        json.loads(command("classify", file, groom, "--json", *more).out)[0]["predictions"]
        for file, more in ((tmp_path / "vww_96_float32.tflite", []), (weights / "vww_96_float.tflite", told))
    )
    assert ours[0]["label"] == theirs[0]["label"] == "person"
    assert abs(ours[0]["probability"] - theirs[0]["probability"]) < 1e-4


@pytest.mark.slow
def test_preprocessing_inside(command: Command, small_files: Path, tmp_path: Path) -> None:
    arguments = ["--to", "tflite:float32", "--data", "digits", "--out", tmp_path, "--embed-preprocessing"]
    outcome = command("export", small_files / "small.keras", *arguments)
    assert outcome.code == 0, outcome.err
    images = draw_samples(open_source("digits", split="test", image_size=(32, 32), channels=1), 20, 0).images
    file = open_file(tmp_path / "small_float32.tflite")
    np.testing.assert_array_equal(file.tensor(images), images)
    np.testing.assert_allclose(file.predict(images), open_file(small_files / "small.keras").predict(images), atol=1e-4)


def test_a_folder_that_is_no_run(command: Command, tmp_path: Path) -> None:
    outcome = command("export", tmp_path, "--to", "xla")
    assert outcome.err == f"error: expected a run folder. Received: {tmp_path}, which has no recipe.yaml.\n"


def test_a_run_that_was_broken_off(command: Command, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("name: digits\n")
    outcome = command("export", tmp_path, "--to", "xla")
    assert outcome.code == 2
    assert f"Finish it: sepzoo train {tmp_path}/recipe.yaml --out {tmp_path}\n" in outcome.err


@pytest.mark.slow
@pytest.mark.filterwarnings("always")
def test_data_of_other_classes_gives_no_accuracy(
    command: Command, small_files: Path, tmp_path: Path, cats_and_dogs: Path
) -> None:
    arguments = ["--to", "tflite:float32", "--data", cats_and_dogs, "--out", tmp_path, "--json"]
    outcome = command("export", small_files / "small.keras", *arguments)
    assert outcome.code == 0
    assert outcome.err.startswith("warning: no accuracy will be measured: expected data of the 10 classes of small.")
    assert json.loads(outcome.out)["keras"]["accuracy"] is None
