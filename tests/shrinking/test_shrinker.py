"""A whole shrink of a small network: budgets on the file, answers, what is kept for other budgets, bad input."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import SepzooError
from sepzoo.analysis import profile
from sepzoo.inference import open as open_file
from sepzoo.shrinking import Budget, Shrinker, ShrinkReport, fitting, measuring, shrink, shrinker, work
from sepzoo.shrinking import network as network_module
from sepzoo.shrinking.page import write_page
from sepzoo.shrinking.scores import Scores


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shrinking")


TECHNIQUES = ("channels", "decouple")
TRIALS = 12


@pytest.fixture(scope="module")
def shrunk(network: keras.Model, pictures: np.ndarray, folder: Path) -> tuple[keras.Model, ShrinkReport]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "TRIALS", TRIALS)
        return shrink(
            network,
            budget=Budget(macs="50%", kib="95%"),
            samples=pictures,
            techniques=TECHNIQUES,
            scores=folder / "scores.json",
            curve=True,
            out=folder / "small.tflite",
        )


def test_the_file_keeps_the_budget(
    network: keras.Model, shrunk: tuple[keras.Model, ShrinkReport], folder: Path
) -> None:
    model, report = shrunk
    assert profile(model).macs == report.measured["macs"] <= 0.5 * profile(network).macs
    assert report.original["macs"] == profile(network).macs
    assert (folder / "small.tflite").stat().st_size / 1024 == report.measured["kib"] <= 0.95 * report.original["kib"]
    assert report.predicted["macs"] == report.measured["macs"]


def test_the_answers_stay_near(
    network: keras.Model, pictures: np.ndarray, shrunk: tuple[keras.Model, ShrinkReport], folder: Path
) -> None:
    model, report = shrunk
    right = network.predict(pictures, verbose=0)
    found = model.predict(pictures, verbose=0)
    flat = np.full_like(right, right.mean(axis=0))
    assert np.mean((found - right) ** 2) < 0.2 * np.mean((flat - right) ** 2)
    file = open_file(folder / "small.tflite")
    run = np.concatenate([file.run(file.encode(each[None])) for each in pictures])
    held = len(pictures) // 4  # which nothing was fitted to
    agreement = float(np.mean(run[-held:].argmax(axis=1) == right[-held:].argmax(axis=1)))
    assert report.comparison.agreement == pytest.approx(agreement)
    assert report.comparison.count == held


def test_the_choice_is_proven(shrunk: tuple[keras.Model, ShrinkReport]) -> None:
    report = shrunk[1]
    assert report.gap < 0.01
    assert report.lagrangian <= report.expected + 1e-9
    assert report.bound <= report.expected + 1e-9
    assert len(report.trials) == TRIALS
    assert report.correlation is not None
    assert report.correlation > 0.7
    expected = [each.expected for each in report.curve]
    assert len(expected) == 12
    assert all(one >= two - 1e-9 for one, two in itertools.pairwise(expected))
    assert expected[-1] == 0.0
    assert len([each for each in report.proposals if each.taken]) == 1
    assert report.proposals[0].expected == report.best == min(each.expected for each in report.proposals)
    (taken,) = (each for each in report.proposals if each.taken)
    assert report.expected == pytest.approx(taken.expected)
    assert report.expected == pytest.approx(sum(each.expected for each in report.layers))


def test_what_is_proven_is_said_of_the_choice_that_it_is_proven_for(
    shrunk: tuple[keras.Model, ShrinkReport],
) -> None:
    known = {"expected": 0.8, "best": 0.8, "bound": 0.79, "lagrangian": 0.7, "gap": 0.0125, "correlation": None}
    report = dataclasses.replace(shrunk[1], **known, limits={"kib": 50.0}, aimed={"kib": 50.0})
    proven = "has less than 0.7900 (gap 1.25%; bound by prices 0.7000)"
    assert report.proof() == f"expected divergence 0.8000 nats; no choice {proven}"
    another = dataclasses.replace(report, expected=0.9, aimed={"kib": 52.0})
    told = "expected divergence 0.9000 nats, of the solver's choice 0.8000; no choice of at most 52.0 KiB, as expected,"
    assert another.proof() == f"{told} {proven}"


def test_a_layer_shows_what_it_costs_of_what_is_limited(shrunk: tuple[keras.Model, ShrinkReport]) -> None:
    report = shrunk[1]
    assert sum(each.costs["macs"][1] for each in report.layers) == report.measured["macs"]
    (first, *_others), head = report.layer_rows(), report.layer_columns
    assert head[:4] == ("layer", "computed as", "channels", "MACs")
    assert len(first) == len(head)
    both = dataclasses.replace(report, limits={"kib": 3.0, "macs": 1e6}).layer_columns
    assert both[3:5] == ("MACs", "KiB")


@pytest.mark.slow
def test_choices_are_compared_on_the_samples_that_are_given_for_it(
    network: keras.Model, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "TRIALS", 3)
    others = pictures[::-1, :, ::-1] * 1.5
    arguments = {"samples": pictures[:24], "techniques": TECHNIQUES, "runtime": "tflite:float32"}
    model, report = shrink(network, budget=Budget(macs="50%"), compare=others, **arguments)
    right, found = (each.predict(others, verbose=0).astype("float64") for each in (network, model))
    distance = np.mean(np.sum(right * np.log(right / found), axis=1))
    (taken,) = (each for each in report.proposals if each.taken)
    assert taken.divergence == pytest.approx(distance, rel=1e-3)
    assert taken.agreement == np.mean(right.argmax(axis=1) == found.argmax(axis=1))


@pytest.mark.slow
def test_other_budgets_measure_nothing_again(
    network: keras.Model,
    pictures: np.ndarray,
    shrunk: tuple[keras.Model, ShrinkReport],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shrinker, "score", None)
    monkeypatch.setattr(network_module, "output_errors", None)
    monkeypatch.setattr(fitting, "PROPOSALS", 1)
    _model, report = shrink(
        network, budget=Budget(macs="70%"), samples=pictures, scores=folder / "scores.json", techniques=TECHNIQUES[::-1]
    )
    assert report.measured["macs"] <= 0.7 * report.original["macs"]
    assert report.expected < shrunk[1].expected
    assert report.file is None
    assert Scores.load(folder / "nosuch.json", "key") is None
    with pytest.raises(SepzooError, match=r"scores\.json: expected scores of this network, these samples and settings"):
        Scores.load(folder / "scores.json", "another key")
    key = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["key"]
    with pytest.raises(SepzooError, match=r"expected scores of bsconv\. Received: those of .*, without bsconv\. Name"):
        Scores.load(folder / "scores.json", key, techniques=["bsconv"])
    (folder / "damaged.json").write_text('{"version": 3, "items": 3}')
    with pytest.raises(SepzooError, match=r"damaged\.json: expected scores that sepzoo shrink wrote"):
        Scores.load(folder / "damaged.json", "key")


@pytest.mark.slow
def test_what_budgets_share_is_done_once(
    tiny: keras.Model, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each budget gets what it gets alone, though whoever has a network may change it."""
    monkeypatch.setattr(measuring, "TRIALS", 3)
    settings = {"samples": pictures, "runtime": "tflite:float32"}
    one, other = Budget(macs="70%"), Budget(kib="90%")
    alone = [
        shrink(tiny, budget=each, techniques=["decouple"], out=tmp_path / "alone.tflite", **settings)[1].to_json()
        for each in (one, other)
    ]
    count: collections.Counter[str] = collections.Counter()

    def counted(module: Any, name: str) -> None:
        function = getattr(module, name)

        def call(*given: Any, **more: Any) -> Any:
            count[name] += 1
            return function(*given, **more)

        monkeypatch.setattr(module, name, call)

    counted(work, "measured_file")
    counted(shrinker, "score")
    with Shrinker(tiny, **settings) as several:
        found = []
        for budget in (one, other, one, one):
            model, report = several.shrink(budget, techniques=["decouple"], out=tmp_path / "alone.tflite")
            found.append(report.to_json())
            model.set_weights([np.zeros_like(each) for each in model.get_weights()])
        assert found == [alone[0], alone[1], alone[0], alone[0]]
        assert count["score"] == 1
        assert count["measured_file"] == 1 + sum(json.loads(each)["rounds"] for each in found)
    with pytest.raises(
        SepzooError, match=r"^expected a call within `with Shrinker\(…\) as shrinker:`\. Received: one before or after"
    ):
        several.shrink(one)


@pytest.mark.slow
def test_expectations_are_fitted_where_that_is_asked_for(
    tiny: keras.Model, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the same scores."""
    monkeypatch.setattr(measuring, "TRIALS", 12)
    settings = {"samples": pictures, "runtime": "tflite:float32", "scores": tmp_path / "scores.json"}
    with Shrinker(tiny, **settings) as shrinker:
        plain, fitted = (
            shrinker.shrink(Budget(macs="60%"), techniques=["decouple"], refit=refit)[1] for refit in (False, True)
        )
    assert plain.unfitted is None
    assert fitted.unfitted == plain.correlation
    assert fitted.correlation != plain.correlation
    assert f"(without factors {plain.correlation:.2f})" in str(fitted)
    assert fitted.measured["macs"] <= 0.6 * fitted.original["macs"]


def test_a_report_warns_of_expectations_that_say_little(shrunk: tuple[keras.Model, ShrinkReport]) -> None:
    report = shrunk[1]
    assert "poor guide" not in report.proof()
    told = dataclasses.replace(report, correlation=0.69).proof()
    assert told.endswith(": what is expected is a poor guide here, so pass more samples")


def test_the_report_as_text_json_and_page(shrunk: tuple[keras.Model, ShrinkReport], tmp_path: Path) -> None:
    report = shrunk[1]
    found = json.loads(report.to_json())
    assert found["measured"]["macs"] == report.measured["macs"]
    assert [each["layer"] for each in found["layers"]] == ["stem", "inner", "outer", "down", "head"]
    assert "by the rule 'even'" in str(dataclasses.replace(report, rule="even"))
    text = str(report)
    assert "by the rule" not in text
    assert "rank correlation with" in text
    assert f"{report.measured['macs']:,.0f} MACs" in text
    write_page(tmp_path / "report.html", report)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<tr>") > len(report.layers) + len(report.curve)
    assert page.count("data:image/png;base64,") == 2
    assert len(found["trials"]) == TRIALS
