"""The studies beside the training scripts: each file is whole, builds what it says, and trains."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
import tensorflow

from sepzoo.analysis import profile
from sepzoo.applications import build
from sepzoo.catalog.registry import find
from sepzoo.training import fit
from sepzoo.training.networks import build_networks, starting_point
from sepzoo.training.sources import open_sources
from sepzoo.training.study import Study, StudyRun
from sepzoo.training.study_rows import read_rows
from sepzoo.training.sweeping import rows_of

FOLDER = Path(__file__).parents[2] / "training"
FILES = sorted(FOLDER.joinpath("studies").glob("*.yaml"))
COUNT = re.compile(r"^  (?P<arm>\w+):.*# (?P<params>[\d,]+)$", re.MULTILINE)
"""An arm's line in a file, with the number of its parameters behind it."""

each_study = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
counted = pytest.mark.parametrize(
    "path", [path for path in FILES if COUNT.search(path.read_text("utf-8"))], ids=lambda path: path.stem
)


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Two steps of a large graph are done before it is compiled."""
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


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
def test_the_table_says_how_many_runs_of_a_study_have_rows(path: Path) -> None:
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    [line] = [line for line in table.splitlines() if line.startswith("|") and path.name in line]
    state = line.split("|")[-2].strip()
    study = Study.load(path)
    rows = [row for row in rows_of(study, read_rows(path.with_suffix(".csv"))) if not row.choosing]
    assert state == (f"{len(rows)} of {len(list(study.runs()))} runs" if rows else "not run")
    assert "not run" not in path.read_text(encoding="utf-8").lower()  # the table says it, once


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
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`:UserWarning")
def test_every_arm_of_a_study_trains_for_two_steps(path: Path, tmp_path: Path, eagerly: None) -> None:
    tiny = ("data.name=digits", "data.train=train[:1%]", "data.validation=test[:2%]", "epochs=1", "batch_size=5")
    for arm, run in arms_of(Study.load(path)).items():
        recipe = run.recipe.with_overrides(tiny)
        start = starting_point(recipe.model, recipe.data)
        sources = open_sources(recipe.data, start.input_shape, start.preprocessing, augmentation=recipe.augmentation)
        networks = build_networks(recipe.model, start, sources.train.class_names)
        [record] = fit(networks, sources, recipe, tmp_path / arm, quiet=True)
        assert math.isfinite(record.loss), arm
        keras.utils.clear_session()
