"""The studies beside the training scripts: each file is whole, builds what it says, and trains."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import pytest

from sepzoo.analysis import profile
from sepzoo.applications import build
from sepzoo.catalog.registry import find
from sepzoo.training.study import Study, StudyRun
from sepzoo.training.study_rows import read_rows
from sepzoo.training.sweeping import rows_of, sweep

FOLDER = Path(__file__).parents[2] / "training"
FILES = sorted(FOLDER.joinpath("studies").glob("*.yaml"))
COUNT = re.compile(r"^  (?P<arm>\w+):.*# (?P<params>[\d,]+)$", re.MULTILINE)
"""An arm's line in a file, with the number of its parameters behind it."""

each_study = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
counted = pytest.mark.parametrize(
    "path", [path for path in FILES if COUNT.search(path.read_text("utf-8"))], ids=lambda path: path.stem
)


def arms_of(study: Study) -> dict[str, StudyRun]:
    return {run.arm: run for run in study.runs()}


def test_there_are_studies() -> None:
    assert FILES


@each_study
def test_a_study_is_whole(path: Path) -> None:
    study = Study.load(path)
    runs = [*study.choosing_runs(), *study.runs()]
    assert study.name == path.stem
    assert study.question
    assert len({run.fingerprint for run in runs}) == len(runs)
    for run in runs:
        find(run.recipe.model.name)


@each_study
def test_a_study_is_not_run_as_long_as_it_has_no_rows(path: Path) -> None:
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    [line] = [line for line in table.splitlines() if line.startswith("|") and path.name in line]
    has_rows = path.with_suffix(".csv").is_file()
    assert ("not run" in line) != has_rows
    assert not has_rows or not re.search("^# Not run", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_rows_are_of_their_study() -> None:
    for file in FOLDER.joinpath("studies").glob("*.csv"):
        rows = read_rows(file)
        assert {row.fingerprint for row in rows_of(Study.load(file.with_suffix(".yaml")), rows)} == {
            row.fingerprint for row in rows
        }, file


@counted
@pytest.mark.slow
def test_the_numbers_of_parameters_are_those_that_the_file_says(path: Path) -> None:
    said = {match["arm"]: int(match["params"].replace(",", "")) for match in COUNT.finditer(path.read_text("utf-8"))}
    runs = arms_of(Study.load(path))
    assert said.keys() == runs.keys()
    for arm, run in runs.items():
        model = run.recipe.model
        assert model.image_size is not None
        with keras.StatelessScope(initialize_variables=False):
            found = profile(build(model.name, input_shape=(*model.image_size, 3), classes=10, **model.arguments))
        keras.utils.clear_session(free_memory=False)
        assert found.params == said[arm], arm


@pytest.mark.parametrize(
    ("study", "first", "others"),
    [
        ("hybrid_hypothesis", "separable", ("regular", "extreme_inception", "inception_s4", "resnext_c8", "hybrid")),
        ("xception_ablations", "depthwise_first", ("pointwise_first", "depthwise_first_relu", "pointwise_first_relu")),
        ("xception_ablations", "depthwise_first", ("shortcuts", *(f"segments_{count}" for count in (1, 2, 4, 8)))),
        ("drop_in", "dense", ("separable_wide", "bsconv_u_wide")),
        ("drop_in", "dense_narrow", ("separable", "bsconv_u")),
        ("darknet_fractalnet", "darknet", ("darknet_separable_wide",)),
        ("darknet_fractalnet", "fractalnet", ("fractalnet_separable_wide",)),
    ],
)
def test_arms_that_are_compared_at_equal_parameters_have_as_many(study: str, first: str, others: tuple[str]) -> None:
    text = FOLDER.joinpath("studies", f"{study}.yaml").read_text(encoding="utf-8")
    params = {match["arm"]: int(match["params"].replace(",", "")) for match in COUNT.finditer(text)}
    for other in others:
        assert params[other] == pytest.approx(params[first], rel=0.01), other


@pytest.mark.parametrize(
    "path", [path for path in FILES if Study.load(path).recipe == "cifar10_short"], ids=lambda path: path.stem
)
@pytest.mark.nightly
def test_every_arm_of_a_study_trains_for_two_steps(path: Path, tmp_path: Path) -> None:
    study = Study.load(path)
    tiny = {"data.name": "digits", "data.train": "train[:1%]", "data.validation": "test[:2%]", "epochs": 1}
    settings = {**study.settings, **tiny, "batch_size": 5}
    small = study.model_copy(update={"settings": settings, "seeds": (0,), "choose": None})
    rows = sweep(small, tmp_path / "rows.csv", tmp_path / "runs", jobs=2)
    assert {row.arm for row in rows} == set(study.arms)
    assert all(row.trained_on == "digits train[:1%] (10 images)" for row in rows)
