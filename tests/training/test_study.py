"""Studies: what their files say, and which runs come of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.support.errors import SepzooError
from sepzoo.training.study import Study

TEXT = """
name: widths
recipe: digits
settings: {epochs: 2}
arms:
  narrow: {model.arguments.alpha: 0.125}
  wide: {model.arguments.alpha: 0.25}
values: {optimizer.weight_decay: [0.0, 1.0e-4]}
seeds: [3, 4]
choose: {key: optimizer.learning_rate, values: [0.05, 0.2], settings: {epochs: 1}, seed: 9}
"""


@pytest.fixture
def study() -> Study:
    return Study.from_yaml(TEXT)


def test_every_arm_runs_with_every_value_and_seed(study: Study) -> None:
    runs = list(study.runs())
    assert len(runs) == 2 * 2 * 2
    assert len({run.name for run in runs}) == len({run.fingerprint for run in runs}) == len(runs)
    narrow = next(run for run in runs if run.name == "narrow-weight_decay=0.0001/seed4")
    assert narrow.recipe.model.arguments["alpha"] == 0.125
    assert (narrow.recipe.optimizer.weight_decay, narrow.recipe.seed, narrow.recipe.epochs) == (1e-4, 4, 2)
    assert [run.seed for run in runs[:4]] == [3] * 4  # a study that is broken off has whole seeds


def test_every_arm_chooses_among_every_value(study: Study) -> None:
    runs = list(study.choosing_runs())
    assert [(run.arm, run.recipe.optimizer.learning_rate) for run in runs] == [
        ("narrow", 0.05), ("narrow", 0.2), ("wide", 0.05), ("wide", 0.2),
    ]  # fmt: skip
    assert {(run.recipe.epochs, run.seed) for run in runs} == {(1, 9)}
    chosen = study.chosen(next(study.runs()), 0.2)
    assert chosen.recipe.optimizer.learning_rate == 0.2
    assert chosen.recipe.epochs == 2
    assert chosen.fingerprint != next(study.runs()).fingerprint


def test_the_fingerprint_is_of_what_decides_the_numbers(study: Study) -> None:
    first = next(study.runs())
    words = Study.from_yaml(TEXT + "question: why?\n")
    place = "data.data_dir: /elsewhere, data.name: /elsewhere/digits, name: other, on_device: true"
    elsewhere = Study.from_yaml(TEXT.replace("{epochs: 2}", f"{{epochs: 2, {place}}}"))
    longer = Study.from_yaml(TEXT.replace("{epochs: 2}", "{epochs: 3}"))
    others = [
        Study.from_yaml(TEXT.replace("{epochs: 2}", f"{{epochs: 2, data.name: {name}}}"))
        for name in ("/elsewhere/letters", "resized/digits")
    ]
    assert next(words.runs()).fingerprint == next(elsewhere.runs()).fingerprint == first.fingerprint
    assert len({next(each.runs()).fingerprint for each in (study, longer, *others)}) == 4


CASES = """
cases:
  short: {settings: {epochs: 5}}
  slim: {settings: {data.train: "train[:50%]"}, arms: {wide: {model.arguments.alpha: 0.1875}}}
"""


def test_every_arm_runs_in_every_case_with_what_it_needs_there() -> None:
    study = Study.from_yaml(TEXT + CASES)
    runs = {run.name: run for run in study.runs()}
    assert len(runs) == len({run.fingerprint for run in runs.values()}) == 2 * 2 * 2 * 2
    told = {
        (run.values["case"], run.arm): (run.recipe.epochs, run.recipe.data.train, run.recipe.model.arguments["alpha"])
        for run in runs.values()
    }
    assert told == {
        ("short", "narrow"): (5, "train", 0.125),
        ("short", "wide"): (5, "train", 0.25),
        ("slim", "narrow"): (2, "train[:50%]", 0.125),
        ("slim", "wide"): (2, "train[:50%]", 0.1875),
    }
    run = runs["wide-case=slim-weight_decay=0.0001/seed4"]
    chosen = study.chosen(run, 0.2)
    assert (chosen.recipe.model.arguments["alpha"], chosen.recipe.optimizer.learning_rate) == (0.1875, 0.2)
    assert [run.name for run in study.choosing_runs()] == [
        run.name for run in Study.from_yaml(TEXT).choosing_runs()
    ]  # which have no case


def test_pairs(study: Study) -> None:
    assert study.pairs() == (("narrow", "wide"),)
    assert Study.from_yaml(TEXT + "compare: [[wide, narrow]]\n").pairs() == (("wide", "narrow"),)


def test_a_recipe_is_seen_from_the_studys_folder(tmp_path: Path) -> None:
    from sepzoo.training import Recipe

    (tmp_path / "own.yaml").write_text(Recipe.load("digits").to_yaml())
    (tmp_path / "study.yaml").write_text(TEXT.replace("recipe: digits", "recipe: own.yaml"))
    assert len(list(Study.load(tmp_path / "study.yaml").runs())) == 8


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("name: widths", "name: a/b"), "study: expected for name"),
        (("seeds: [3, 4]", "seeds: [3, 3]"), "expected seeds that differ"),
        (("seeds: [3, 4]", "seeds: []"), "expected for seeds"),
        (("seeds: [3, 4]", "cases: {one: {arms: {deep: {}}}}"), "not 'deep'"),
        (("seeds: [3, 4]", "cases: {one: {epochs: 3}}"), "expected for cases.one.epochs"),
        (("recipe: digits", "recipes: digits"), "expected for recipe"),
        (("seeds: [3, 4]", "compare: [[wide, deep]]"), "not 'deep'"),
        (("choose: {key", "choose: {arm: deep, key"), "not 'deep'"),
        (("seeds: [3, 4]", "seeds: {"), "expected YAML"),
        (("values: [0.05, 0.2]", "values: [0.05]"), "expected for choose.values"),
        (("values: {", "values: {case: [a, b], "), "not 'case', which the study's cases say"),
        (("values: {", "values: {seed: [1, 2], "), "not 'seed', which the study's seeds say"),
        (("values: {", "values: {name: [a, b], "), "not 'name'"),
        (("values: {", "values: {data.data_dir: [a, b], "), "not 'data.data_dir'"),
        (("values: {", "values: {optimizer.learning_rate: [0.1], "), "_rate' in values or in choose"),
        (("choose: {key: optimizer.learning_rate", "choose: {key: case"), "not 'case', which the study's cases say"),
        (("choose: {key: optimizer.learning_rate", "choose: {key: seed"), "not 'seed', which the study's seeds say"),
        (("{epochs: 2}", "{epochs: 2, seed: 3}"), "expected settings without 'seed'"),
        (("{epochs: 1}", "{epochs: 1, seed: 3}"), "expected settings without 'seed'"),
        (("{model.arguments.alpha: 0.25}", "{seed: 3}"), "expected settings without 'seed'"),
        (("seeds: [3, 4]", "cases: {one: {settings: {seed: 3}}}"), "expected settings without 'seed'"),
        (("seeds: [3, 4]", "cases: {one: {arms: {wide: {seed: 3}}}}"), "expected settings without 'seed'"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(change: tuple[str, str], text: str) -> None:
    with pytest.raises(SepzooError) as raised:
        Study.from_yaml(TEXT.replace(*change))
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_key_that_recipes_do_not_have(study: Study) -> None:
    wrong = Study.from_yaml(TEXT.replace("model.arguments.alpha: 0.125", "model.argument.alpha: 0.125"))
    with pytest.raises(SepzooError, match=r"unknown key 'model\.argument'"):
        list(wrong.runs())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"expected the YAML file of a study. Received: .*gone.yaml"):
        Study.load(tmp_path / "gone.yaml")
