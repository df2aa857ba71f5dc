"""Training goes on from what is whole: damaged, it ends in the numbers of an unbroken one, or in one line."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from filelock import FileLock

from sepzoo.artifact.model_file import save
from sepzoo.data import open_source
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.errors import SepzooError
from sepzoo.training import FitSettings, Networks, OptimizerSection, Recipe, Sources, fit
from sepzoo.training.run_folder import LOCK, DamagedRunWarning, RunFolder

FILES = ("state.npz", "state_before.npz", "metrics.jsonl", "last.keras", "best.keras")


def trained(folder: Path, epochs: int) -> list[dict[str, Any]]:
    """Train one layer on digits, and return what was measured but for the times."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    networks = Networks.of(keras.Sequential(layers, name="flat"), ZERO_TO_ONE)
    sources = Sources(*(open_source("digits", split=split) for split in ("train[:20%]", "test[:20%]")))
    settings = FitSettings(optimizer=OptimizerSection(learning_rate=0.05), epochs=epochs)
    history = fit(networks, sources, settings, folder, quiet=True)
    times = ("seconds", "images_per_second")
    return [{key: value for key, value in vars(record).items() if key not in times} for record in history]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return trained(tmp_path_factory.mktemp("unbroken"), 3)


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("broken")
    trained(folder, 2)
    return folder


def mutate(path: Path, seed: int) -> None:
    """Cut, empty, overwrite or remove a file, or change some of its bytes."""
    random, content = np.random.default_rng(seed), path.read_bytes()
    kind, place = seed % 5, int(random.integers(len(content)))
    if kind == 0:
        path.unlink()
    else:
        noise = random.integers(0, 256, 8, np.uint8).tobytes()
        changed = content[:place] + noise + content[place + 8 :]
        path.write_bytes([content[:place], b"", b"\xff\xfe\x00", changed][kind - 1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", FILES)
def test_a_mutated_file_never_ends_in_wrong_numbers(
    name: str, seed: int, broken_off: Path, unbroken: list[dict[str, Any]], tmp_path: Path
) -> None:
    folder = shutil.copytree(broken_off, tmp_path / "run")
    mutate(folder / name, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamagedRunWarning)
        assert trained(folder, 3) == unbroken


CASES = ("a line less", "epochs=99", "half of the state")


def damage(folder: Path, case: str, name: str = "state.npz") -> str:
    """Let the files of a run contradict each other, and return what is said of that."""
    state, metrics = folder / name, folder / "metrics.jsonl"
    if case == "a line less":
        metrics.write_text(metrics.read_text().splitlines()[0] + "\n")
        return r"metrics.jsonl: 1 of the 2 epochs in state.npz can be read\. "
    if case == "epochs=99":
        with np.load(state) as file:
            steps = int(file["optimizer_0000"])
            np.savez(state, **{**file, "epochs": np.int64(99)})
        return rf"{name}: expected 3 steps an epoch. Received: {steps} in 99 epochs\. "
    state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    return rf"{name}: expected the state of a run. Received: a damaged file \(.*\)\. "


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_damaged_state_falls_back_to_the_one_before(
    case: str, broken_off: Path, unbroken: list[dict[str, Any]], tmp_path: Path
) -> None:
    folder = shutil.copytree(broken_off, tmp_path / "run")
    said = damage(folder, case) + r"The run goes on from state_before.npz, after epoch 1$"
    with pytest.warns(DamagedRunWarning, match=said):
        assert trained(folder, 3) == unbroken
    assert not (folder / "damaged").exists()


@pytest.mark.parametrize("case", CASES[1:])
def test_with_both_states_damaged_the_run_starts_anew(
    case: str, broken_off: Path, unbroken: list[dict[str, Any]], tmp_path: Path
) -> None:
    folder = shutil.copytree(broken_off, tmp_path / "run")
    said = damage(folder, case) + r"The run starts anew; what it had is in .*damaged"
    damage(folder, case, "state_before.npz")
    with pytest.warns(DamagedRunWarning, match=said):
        assert trained(folder, 3) == unbroken
    assert (folder / "damaged" / "state.npz").is_file()


def test_what_is_trained_already_is_not_trained_again(broken_off: Path, unbroken: list[dict[str, Any]]) -> None:
    before = (broken_off / "state.npz").read_bytes()
    assert trained(broken_off, 2) == unbroken[:2]
    assert (broken_off / "state.npz").read_bytes() == before


def test_a_second_run_on_one_folder_is_refused(tmp_path: Path) -> None:
    refused = pytest.raises(SepzooError, match=r"where another process trains\. Wait for it")
    with FileLock(tmp_path / LOCK), refused, RunFolder(tmp_path).locked():
        pass
    with RunFolder(tmp_path).locked():
        (tmp_path / "kept").write_text("")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_what_a_killed_run_left_half_written_is_swept(tmp_path: Path) -> None:
    half = tmp_path / ".sepzoo-ab12_x9z"
    half.mkdir()
    (half / "best.keras").write_bytes(b"half")
    (tmp_path / ".hidden").mkdir()
    with RunFolder(tmp_path).locked():
        assert not half.exists()
    assert (tmp_path / ".hidden").is_dir()


RECIPE = Recipe.load("digits")


def test_words_of_a_recipe_may_change_and_numbers_may_not(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(RECIPE.model_copy(update={"versions": {"keras": "3.15.0"}}))
    said = RECIPE.with_overrides(["description=scans", "command=x", "cost=none", "expected=much", "export=xla"])
    folder.check(said)
    folder.begin(said)
    assert folder.recipe() == said.model_copy(update={"versions": {"keras": "3.15.0"}})
    with pytest.raises(SepzooError, match=r"seed=1 there, seed=2 here"):
        folder.check(said.with_overrides(["seed=2"]))


def test_a_run_is_made_longer_once_it_is_done(tmp_path: Path) -> None:
    from tests.training.test_run_folder import record, result

    folder, short, long = RunFolder(tmp_path), *(RECIPE.with_overrides([f"epochs={count}"]) for count in (2, 5))
    folder.begin(short)
    folder.write_history([record(1)])
    with pytest.raises(SepzooError, match=r"broken off before its 2 epochs. Finish it first, with epochs=2."):
        folder.check(long)
    folder.write_history([record(1), record(2, 0.75)])
    folder.write_result(result())
    folder.check(long)
    folder.begin(long)
    assert (folder.recipe().epochs, folder.recipe().earlier_epochs) == (5, (2,))
    assert folder.finished() is None
    folder.write_history([record(1), record(2, 0.75), record(3), record(4), record(5)])
    folder.write_result(result())
    assert "5 epochs (no unbroken run: its schedule was made for 2 at first)" in str(folder.finished())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"best_epoch": 2}', "\udcff", '{"best_epoch": "x"}'])
def test_a_damaged_result_is_none(text: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(RECIPE)
    (tmp_path / "result.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.warns(DamagedRunWarning, match=r"result.json is damaged"):
        assert folder.finished() is None


def test_paths_are_kept_so_that_they_resolve_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "photos").mkdir()
    recipe = RECIPE.with_overrides(["data=photos", "weights=w.h5", "data.data_dir=~/sets"]).resolved()
    assert recipe.data.name == str(tmp_path / "photos")
    assert recipe.model.weights == str(tmp_path / "w.h5")
    assert recipe.data.data_dir == str(tmp_path / "home" / "sets")
    assert RECIPE.with_overrides(["data=~/photos"]).resolved().data.name == str(tmp_path / "home" / "photos")
    assert RECIPE.resolved() == RECIPE


def test_a_recipe_begins_with_a_file_as_it_is(tmp_path: Path) -> None:
    from sepzoo.artifact.model_file import attach
    from sepzoo.records.metadata import Metadata
    from sepzoo.training.networks import build_networks, starting_point

    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    model = attach(keras.Sequential(layers, name="mine"), Metadata("mine", ("c", "a", "b"), ZERO_TO_ONE))
    path = save(model, tmp_path / "mine.keras")
    recipe = RECIPE.with_overrides([f"model={path}"])
    start = starting_point(recipe.model, recipe.data)
    assert (start.name, start.input_shape, start.preprocessing) == (
        "mine",
        (8, 8, 1),
        ZERO_TO_ONE.__class__(**{**vars(ZERO_TO_ONE), "crop_fraction": 1.0}),
    )
    networks = build_networks(recipe.model, start, ("a", "b", "c"))
    np.testing.assert_array_equal(networks.targets(("a", "b", "c")), [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    for ours, theirs in zip(networks.training.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    with pytest.raises(SepzooError, match=r"classes"):
        build_networks(recipe.model, starting_point(recipe.model, recipe.data), ("x", "y"))
    with pytest.raises(SepzooError, match=r"neither arguments, weights nor image_size beside a file"):
        recipe.with_overrides(["model.image_size=8"])
