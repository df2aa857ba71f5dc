from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.artifact.model_file import load, metadata_of
from sepzoo.data import open_digits
from sepzoo.support.errors import SepzooError
from sepzoo.training import Recipe, Run, run
from tests.training.small_training import measured_in

pytestmark = pytest.mark.slow  # a network is built and traced in nearly every test

RECIPE = """
name: small
model: {name: cifar_mobilenetv1_w1d8_bsconvu, image_size: 8, arguments: {dropout: 0.1}}
data: {name: digits, crop_fraction: 1.0, held_out: 10}
augmentation: {padding: 1, mixup: 0.1}
optimizer: {learning_rate: 0.05, weight_decay: 1.0e-4}
schedule: {kind: cosine}
epochs: 3
batch_size: 256
ema: 0.5
checkpoint_minutes: 1.0e-5
seed: 3
"""


def recipe(*overrides: str) -> Recipe:
    return Recipe.from_yaml(RECIPE).with_overrides(overrides)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(recipe(), tmp_path_factory.mktemp("runs") / "small", quiet=True)


def test_the_folder_holds_all_of_a_run(finished: Run) -> None:
    names = {path.name for path in finished.folder.iterdir()}
    files = {"recipe.yaml", "metrics.jsonl", "curves.png", "best.keras", "last.keras", "state.npz", "result.json"}
    files |= {"state_before.npz", "report.html", "classes.csv", "confusion.png"}
    assert names == files | {"tensorboard"}
    assert (finished.folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_recipe_is_kept_as_run(finished: Run) -> None:
    kept = Recipe.load(finished.folder / "recipe.yaml")
    assert kept.model_copy(update={"versions": None}) == recipe()
    assert kept.versions["keras"] == keras.__version__
    assert kept.versions["backend"].startswith("tensorflow 2.")
    assert {"sepzoo", "python", "numpy"} < set(kept.versions)


def test_one_line_of_metrics_an_epoch(finished: Run) -> None:
    lines = measured_in(finished.folder)
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[-1]["loss"] < lines[0]["loss"]
    np.testing.assert_allclose([line["learning_rate"] for line in lines], [0.05, 0.0375, 0.0125], rtol=1e-5)


def test_the_file_answers_as_the_run_measured_in(finished: Run) -> None:
    model = load(finished.folder / "last.keras")
    metadata = metadata_of(model)
    assert metadata.labels == tuple("0123456789")
    assert (metadata.name, metadata.preprocessing.crop_fraction) == ("cifar_mobilenetv1_w1d8_bsconvu", 1.0)
    held_out = open_digits(split="train[:10%]", channels=3)
    probabilities = model.predict(metadata.preprocessing.normalize(held_out.pixels), verbose=0)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    accuracy = (probabilities.argmax(1) == held_out.labels).mean()
    assert accuracy == pytest.approx(finished.result.last_accuracy, abs=1e-6)


def test_the_file_holds_averages_and_no_training_settings(finished: Run) -> None:
    with np.load(finished.folder / "state.npz") as state:
        raw = [state[name] for name in state.files if name.startswith("model")]
    saved = load(finished.folder / "last.keras")
    kernel = next(variable for variable in saved.weights if variable.path.endswith("predictions/kernel")).numpy()
    assert not any(array.shape == kernel.shape and (array == kernel).all() for array in raw)
    assert not keras.saving.load_model(finished.folder / "last.keras").compiled


def test_best_and_test_accuracy(finished: Run) -> None:
    result = finished.result
    best = max(line["val_accuracy"] for line in measured_in(finished.folder))
    assert result.best_accuracy == best
    assert result.validated_on == "digits train[:10%] (143 images)"
    assert result.tested_on == "digits test (359 images)"
    model, test = finished.model("best"), open_digits(split="test", channels=3)
    probabilities = model.predict(metadata_of(model).preprocessing.normalize(test.pixels), verbose=0)
    assert (probabilities.argmax(1) == test.labels).mean() == pytest.approx(result.test_accuracy, abs=1e-6)


def test_tensorboard_files_hold_the_numbers(finished: Run) -> None:
    from tensorflow.core.util import event_pb2
    from tensorflow.data import TFRecordDataset
    from tensorflow.python.framework.tensor_util import MakeNdarray

    (file,) = (finished.folder / "tensorboard").iterdir()
    events = [event_pb2.Event.FromString(record.numpy()) for record in TFRecordDataset(str(file))]
    found = {(value.tag, event.step): value for event in events for value in event.summary.value}
    for line in measured_in(finished.folder):
        value = found["accuracy/validation", line["epoch"]]
        assert MakeNdarray(value.tensor) == pytest.approx(line["val_accuracy"])
        assert value.metadata.plugin_data.plugin_name == "scalars"


def test_a_finished_run_answers_at_once(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.folder.iterdir()}
    monkeypatch.setattr("sepzoo.training.running._trained", None)  # nothing is opened, built or trained
    assert run(recipe(), finished.folder) == finished
    assert {path: path.stat().st_mtime_ns for path in finished.folder.iterdir()} == before


def test_a_folder_of_another_recipe_is_refused(finished: Run) -> None:
    with pytest.raises(SepzooError, match=r"where another ran: epochs=3 there, epochs=2 here"):
        run(recipe("epochs=2"), finished.folder)


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("model=mobilenetv9", "mobilenetv9"),
        ("model.arguments.depth=3", "depth"),
        ("model.image_size=4", "at least 8 x 8"),
        ("data.validation=val", "unknown split 'val'"),
        ("weights=missing.h5", "missing.h5"),
    ],
)
def test_what_cannot_begin_leaves_no_folder(tmp_path: Path, override: str, text: str) -> None:
    with pytest.raises(SepzooError, match=text):
        run(recipe(override), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(
        SepzooError, match=r"expected a loss that is a number. Received: loss=.* in epoch 1, at step \d\. Lower"
    ):
        run(recipe("optimizer.learning_rate=1e30", "ema=0"), tmp_path / "run", quiet=True)


def test_the_same_recipe_gives_the_same_bits(finished: Run, tmp_path: Path) -> None:
    again = run(recipe(), tmp_path / "again", quiet=True)
    assert measured_in(again.folder) == measured_in(finished.folder)


def test_plain_lines_show_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(recipe("epochs=1"), tmp_path / "run")
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == (
        "small: training on digits train[10%:] (1295 images), validating on digits train[:10%] (143 images)"
    )
    assert lines[1].startswith("epoch 1/1  loss ")
    assert lines[1].endswith(" images/s  0:00 left")


def test_killed_and_resumed_is_bit_exact(finished: Run, tmp_path: Path) -> None:
    """The process is killed with no warning in the middle of an epoch, twice."""
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    program = "import sys; from sepzoo.training import Recipe, run; run(Recipe.load(sys.argv[1]), sys.argv[2])"
    command = [sys.executable, "-c", program, str(tmp_path / "recipe.yaml"), str(tmp_path / "run")]
    for epochs in (1, 2):
        process = subprocess.Popen(command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, stderr=subprocess.DEVNULL)
        while epochs > _epochs_done(tmp_path / "run"):
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "resumed after epoch" in done.stderr
    assert measured_in(tmp_path / "run") == measured_in(finished.folder)
    with np.load(tmp_path / "run" / "state.npz") as ours, np.load(finished.folder / "state.npz") as theirs:
        assert ours.files == theirs.files
        for name in ours.files:
            np.testing.assert_array_equal(ours[name], theirs[name])
    for one, same in zip(
        load(tmp_path / "run" / "best.keras").weights, load(finished.folder / "best.keras").weights, strict=True
    ):
        np.testing.assert_array_equal(one.numpy(), same.numpy())


def _epochs_done(folder: Path) -> int:
    try:
        with np.load(folder / "state.npz") as state:
            return int(state["epochs"])
    except FileNotFoundError:  # before the first epoch, and while one state takes the place of another
        return 0
