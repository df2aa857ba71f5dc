"""Files that earlier versions saved: opened by this one, with the same answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from sepzoo import inference, training
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.surgery import fold_batch_norm, to_keras
from sepzoo.training.run_folder import RunFolder
from tests.command import run_command

ARCHIVES = sorted((Path(__file__).parent / "golden").glob("*.zip"))
LABELS = {"network": tuple("abcde"), "network_float32": tuple("abcde"), "network_int8": tuple("abcde"), "zoo": None}
SUFFIXES = {"network": ".keras", "zoo": ".keras", "network_float32": ".tflite", "network_int8": ".tflite"}

pytestmark = pytest.mark.skipif(not ARCHIVES, reason="tests/golden holds no archives")


@pytest.fixture(scope="module", params=ARCHIVES, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what one version saved."""
    folder = tmp_path_factory.mktemp("golden")
    shutil.unpack_archive(request.param, folder)
    return folder


@pytest.fixture(scope="module")
def answers(golden: Path) -> dict[str, np.ndarray]:
    """What that version's files answered."""
    with np.load(golden / "answers.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", SUFFIXES)
def test_files_answer_as_they_did(golden: Path, answers: dict[str, np.ndarray], name: str) -> None:
    opened = inference.open(golden / f"{name}{SUFFIXES[name]}")
    assert opened.labels == LABELS[name]
    assert answers[name].std() > 0.01
    np.testing.assert_allclose(opened.predict(answers["pixels"]), answers[name], atol=1e-5)


def test_preprocessing_is_read(golden: Path) -> None:
    preprocessing = inference.open(golden / "network.keras").preprocessing
    assert preprocessing is not None
    assert (preprocessing.mean, preprocessing.channel_order) == ((103.939, 116.779, 123.68), "bgr")


def test_surgery_takes_them(golden: Path, answers: dict[str, np.ndarray]) -> None:
    opened = inference.open(golden / "network.keras")
    assert isinstance(opened, KerasClassifier)
    folded, _report = fold_batch_norm(to_keras(opened.model)[0])
    inputs = opened.prepare(answers["pixels"])
    np.testing.assert_allclose(folded.predict(inputs, verbose=0), answers["network"], atol=1e-4)


def test_a_run_is_read(golden: Path, answers: dict[str, np.ndarray]) -> None:
    run = RunFolder(golden / "run").finished()
    assert run is not None
    assert [epoch.epoch for epoch in run.history] == [1, 2]
    assert run.result.best_accuracy == max(epoch.val_accuracy for epoch in run.history)
    opened = inference.open(golden / "run" / "best.keras")
    np.testing.assert_allclose(opened.predict(answers["scans"]), answers["run"], atol=1e-5)


@pytest.mark.slow
def test_a_run_is_resumed_from_its_state(golden: Path) -> None:
    (golden / "run" / "result.json").unlink()
    recipe = training.Recipe.load(golden / "run" / "recipe.yaml")
    state = (golden / "run" / "state.npz").read_bytes()
    run = training.run(recipe.model_copy(update={"versions": None}), golden / "run", quiet=True)
    assert len(run.history) == 2
    assert (golden / "run" / "state.npz").read_bytes() == state  # both epochs were done: none was trained again


def test_recipes_are_read(golden: Path) -> None:
    recipes = sorted((golden / "recipes").glob("*.yaml"))
    assert [training.Recipe.load(path).name for path in recipes] == [path.stem for path in recipes]
    assert len(recipes) >= 4


@pytest.mark.slow
def test_the_command_line_takes_them(golden: Path) -> None:
    for name in ("network.keras", "zoo.keras", "run"):
        done = run_command("rewrite", golden / name, "--fold", "--out", golden / "folded.keras")
        assert done.returncode == 0, done.stderr
