"""A run folder whose files were changed at random: one line, or what is whole; never another error or wrong numbers."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sepzoo.artifact.inspection import one_child
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.training import run_folder
from sepzoo.training.checkpoint import DamagedError, State
from sepzoo.training.run_folder import DamagedRunWarning, RunFolder, best_of
from tests.training.test_damage import mutate
from tests.training.test_run_folder import RECIPE, record, result

SHORT = RECIPE.with_overrides(["epochs=3"])
HISTORY = [record(1, 0.5), record(2, 0.75), record(3, 0.7)]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.begin(SHORT)
    folder.write_history(HISTORY)
    folder.write_result(result())
    return folder


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("name", ["recipe.yaml", "metrics.jsonl", "result.json"])
def test_one_line_or_what_is_whole(folder: RunFolder, name: str, seed: int) -> None:
    mutate(folder.path / name, seed)
    run, refused = None, ""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            folder.check(SHORT)
            run = folder.finished()
        except SepzooError as error:
            refused = str(error)
    if refused:
        assert name == "recipe.yaml"
        assert "\n" not in refused
        assert str(folder.path) in refused
        return
    assert {warning.category for warning in said} <= {DamagedRunWarning}
    if run is None:
        assert name != "recipe.yaml"
        assert said or name == "result.json"  # which may be gone
        return
    kept = {record.epoch: record for record in run.history}
    if name == "metrics.jsonl":
        assert run.result == result()
        assert len(kept) == 3 or said
    else:
        assert list(run.history) == HISTORY
        assert run.result.best_accuracy == best_of(HISTORY).val_accuracy


@pytest.fixture(scope="module")
def _one_child() -> Iterator[None]:
    with one_child():
        yield


@pytest.mark.usefixtures("_one_child")
@pytest.mark.parametrize("seed", range(100))
def test_a_state_is_read_as_it_was_written_or_not_at_all(tmp_path: Path, seed: int) -> None:
    arrays = {"model_0000": np.arange(200, dtype=np.float32), "optimizer_0000": np.int64(7)}
    path = tmp_path / "state.npz"
    np.savez(path, epochs=np.int64(2), **arrays)
    mutate(path, seed)
    if not path.exists():
        return
    state, refused = None, ""
    try:
        state = State.read(path)
    except DamagedError as error:
        refused = str(error)
    if state is None:
        assert refused.startswith(f"{path}: expected the state of a run. Received: a damaged file (")
        assert "\n" not in refused
        return
    assert state.epochs == 2
    for name, array in state.arrays.items():  # a changed name is of no variable, which `State.check` refuses
        if name in arrays:
            np.testing.assert_array_equal(array, arrays[name])


def test_what_is_too_long_for_a_run_is_not_read(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of any length would fill the memory."""
    monkeypatch.setattr(run_folder, "BOUNDS", dataclasses.replace(BOUNDS, json=10))
    with pytest.warns(DamagedRunWarning, match=r"result\.json is damaged"):
        run = folder.finished()
    assert run is None
