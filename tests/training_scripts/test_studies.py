"""The studies beside the training scripts: each file is whole, and its recipes build networks that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.catalog.registry import find
from sepzoo.training.study import Study

FILES = sorted(Path(__file__).parents[2].joinpath("training", "studies").glob("*.yaml"))


def test_there_are_studies() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_study_is_whole(path: Path) -> None:
    study = Study.load(path)
    runs = [*study.choosing_runs(), *study.runs()]
    assert study.name == path.stem
    assert study.question
    assert len({run.fingerprint for run in runs}) == len(runs)
    for run in runs:
        find(run.recipe.model.name)
