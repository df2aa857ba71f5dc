"""What a shrink is asked for and can't be, or need not be: one line, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import SepzooError
from sepzoo.shrinking import Budget, fitting, measuring, shrink, work
from sepzoo.shrinking.network import network_of
from sepzoo.shrinking.page import write_page
from sepzoo.shrinking.scores import Scores
from sepzoo.surgery.walk.model_inputs import model_inputs


def test_what_meets_the_budget_is_left(network: keras.Model, pictures: np.ndarray) -> None:
    model, report = shrink(network, budget=Budget(macs="100%"), samples=pictures)
    assert model is network
    assert report.nothing_done
    assert "small meets the budget as it is in tflite:int8; nothing was done\n" in str(report)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"distil": 2}, "no distillation"),
        ({"curve": True}, "no curve"),
        ({"distil": 1, "curve": True}, "no distillation and no curve"),
    ],
)
def test_what_is_not_done_for_a_budget_that_is_met_is_said(
    network: keras.Model, pictures: np.ndarray, tmp_path: Path, asked: dict[str, Any], told: str
) -> None:
    _model, report = shrink(network, budget=Budget(macs="100%"), samples=pictures, runtime="tflite:float32", **asked)
    assert f"nothing was done, so there is {told}\n" in str(report)
    write_page(tmp_path / "report.html", report)
    assert f"nothing was done, so there is {told}." in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_folder_is_no_place_for_scores(network: keras.Model, pictures: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"^expected the name of a file to write\. Received: .*, which is a folder\."):
        shrink(network, budget=Budget(macs="50%"), samples=pictures, scores=tmp_path)
    with pytest.raises(SepzooError, match=r"^expected scores= as a file\. Received: .*, which is a folder\."):
        Scores.load(tmp_path, "key")


def test_a_budget_below_the_least_names_it(
    network: keras.Model, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "TRIALS", 3)
    given: Any = {"samples": pictures, "techniques": ("decouple", "channels"), "out": tmp_path / "never.tflite"}
    named = r"expected a budget that can be kept, here at least ([\d,]+) MACs: that takes"
    with pytest.raises(SepzooError, match=named):
        shrink(network, budget=Budget(macs="1%"), **given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"techniques": ["decoupling"]}, r"unknown technique 'decoupling'\. Did you mean decouple\?"),
        (
            {"techniques": ["decouple", "int8"]},
            r"expected techniques of decouple, .*\. Received: 'int8'\. All layers .* \(--runtime\): tflite:int8 or",
        ),
        ({"runtime": "xla"}, r"unknown runtime 'xla'\. Known: tflite:float32, tflite:int8\."),
        (
            {"rule": "even", "budget": Budget(macs="50%", ram_kib="90%")},
            r"expected one limit, .* multiply-accumulates, memory\.",
        ),
        ({"samples": np.zeros((3, 9, 8, 3))}, r"expected samples of shape \(n, 8, 8, 3\) for 'small'"),
    ],
)
def test_bad_arguments(
    network: keras.Model, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch, arguments: dict, message: str
) -> None:
    monkeypatch.setattr(work, "measured_file", None)  # nothing is measured before it is said
    with pytest.raises(SepzooError, match=message):
        shrink(network, **{"budget": Budget(macs="50%"), "samples": pictures, **arguments})


def test_layers_to_keep_have_names(network: keras.Model, pictures: np.ndarray) -> None:
    inputs = model_inputs(network, pictures[:4])
    with pytest.raises(SepzooError, match="unknown layer to keep 'nosuch'"):
        network_of(network, inputs, keep=["nosuch"])
    kept = network_of(network, inputs, keep=["inner"])
    assert [str(group) for group in kept.groups] == ["stem, outer", "down"]


@pytest.mark.slow
def test_layers_to_keep_may_be_named_by_wildcards(
    network: keras.Model, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "TRIALS", 3)
    monkeypatch.setattr(fitting, "PROPOSALS", 1)
    scores = tmp_path / "scores.json"
    arguments = {"samples": pictures, "techniques": ["decouple"], "scores": scores}
    _model, report = shrink(network, budget=Budget(macs="70%"), keep=["out*"], **arguments)
    ways = {
        each["layer"]: {one["way"] for one in each["candidates"]} for each in json.loads(scores.read_text())["items"]
    }
    assert ways["outer"] == {"keep"}
    assert len(ways["inner"]) > 1
    assert next(each.way for each in report.layers if each.layer == "outer") == "keep"


def test_nothing_to_make_smaller(pictures: np.ndarray) -> None:
    layers = [keras.layers.Flatten(name="flat"), keras.layers.Dense(1, activation="sigmoid", name="head")]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers], name="plain")
    message = "expected a network in which something can be made smaller. Received: 'plain', none of whose layers"
    with pytest.raises(SepzooError, match=message):
        shrink(model, budget=Budget(macs="50%"), samples=pictures[:16], techniques=("decouple", "channels"))
