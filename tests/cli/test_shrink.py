from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import SepzooError, shrinking
from sepzoo.artifact import model_file
from sepzoo.records.metadata import Metadata
from sepzoo.shrinking import measuring
from tests.cli.conftest import Command


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small network for the ten digits."""
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Conv2D(16, 3, activation="relu", name="conv1"),
        keras.layers.Conv2D(16, 3, activation="relu", name="conv2"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(10, activation="softmax", name="fc"),
    ]
    model = keras.Sequential([keras.Input((8, 8, 1), name="image"), *layers], name="small")
    model_file.attach(model, Metadata("small", labels=tuple("0123456789")))
    return model_file.save(model, tmp_path_factory.mktemp("network") / "small.keras")


@pytest.mark.slow
def test_digits_to_a_budget(command: Command, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "TRIALS", 4)
    out, saved, page = (tmp_path / name for name in ("small.tflite", "small.keras", "report.html"))
    options = ["--macs", "60%", "--size", "99%", "--techniques", "channels, lowrank", "--samples", "32", "--json"]
    files = ["--out", out, "--keras", saved, "--report", page]
    outcome = command("shrink", network, "--data", "digits", *options, *files)
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["measured"]["macs"] <= 0.6 * report["original"]["macs"]
    assert report["measured"]["kib"] == out.stat().st_size / 1024 <= 0.99 * report["original"]["kib"]
    assert report["comparison"]["origin"] == "359 images of digits test, seed 0"
    assert report["comparison"]["file_accuracy"] is not None
    assert report["samples"] == "32 images of digits train[20%:], seed 0"
    assert model_file.read_metadata(saved).labels == tuple("0123456789")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_nothing_is_learned_from_what_is_checked_on(
    command: Command, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def shrink(model: keras.Model, **more: Any) -> None:
        given.update(more)
        raise SepzooError("seen")

    monkeypatch.setattr(shrinking, "shrink", shrink)
    values = np.random.default_rng(0).normal(size=(40, 8, 8, 1)).astype("float32")
    np.savez(tmp_path / "data.npz", inputs=values, labels=np.arange(40) % 10)
    options = ["--macs", "50%", "--distil", "2", "--samples", "10", "--lessons", "30", "--out", tmp_path / "new.tflite"]
    options += ["--rule", "even"]
    assert command("shrink", network, "--data", tmp_path / "data.npz", *options).err.splitlines()[-1] == "error: seen"
    assert given["rule"] == "even"
    names = ("samples", "compare", "lessons", "check")
    samples, compare, lessons, check = ([*map(bytes, given[name].images)] for name in names)
    assert (len(lessons), len(check)) == (20, 20)
    assert {*lessons, *check} == {*map(bytes, values)}
    assert (samples, compare) == (lessons[:10], lessons[10:])  # choices are compared on others than they are fitted to
    options[options.index("--samples") + 1] = "18"
    command("shrink", network, "--data", tmp_path / "data.npz", *options)
    assert (len(given["samples"]), given["compare"]) == (18, None)  # two would say less than a quarter of the samples


@pytest.mark.parametrize("option", ["--out", "--keras", "--report", "--scores"])
def test_places_are_tried_before_the_work(
    command: Command, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr("sepzoo.cli.shrink.open_network", lambda *given, **more: pytest.fail("the work has begun"))
    suffix = {"--out": ".tflite", "--keras": ".keras"}.get(option, ".json")
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    files = {"--out": tmp_path / "small.tflite", option: folder}
    given = [part for each in files.items() for part in each]
    outcome = command("shrink", network, "--data", "digits", "--macs", "50%", *given)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith(
        f"error: expected the name of a file to write. Received: {folder}, which is a folder."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "small.keras"], "error: expected a file name that ends in .tflite. Received: small.keras."),
        (["--report", "report.txt"], "error: expected a file name that ends in .html or .json. Received: report.txt."),
        (
            ["--keras", "small.tflite"],
            "error: expected a file name that ends in .keras. Received: --keras small.tflite.",
        ),
        ([], "error: expected a budget of latency, size, multiply-accumulates or memory. Received: none."),
        (["--macs", "half"], "error: expected --macs such as 50% or 6000000. Received: 'half'."),
        (["--latency", "2ms", "--costs", "macs"], "error: expected a share of the latency, such as '50%', where"),
        (["--latency", "50%", "--costs", "flops"], "error: unknown costs 'flops'."),
        (["--macs", "50%", "--rule", "greed"], "error: unknown rule 'greed'. Did you mean greedy?"),
        (["--macs", "50%", "--size", "50%", "--rule", "even"], "error: expected one limit, of bytes, time or"),
        (["--macs", "50%", "--techniques", "quantize"], "error: unknown technique 'quantize'."),
        (["--macs", "50%", "--runtime", "onnx"], "error: unknown runtime 'onnx'."),
    ],
)
def test_one_line_and_nothing_written(
    command: Command, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given = options if "--out" in options else ["--out", "small.tflite", *options]
    outcome = command("shrink", network, "--data", "digits", *given)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith(message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("package", "needs"),
    [("ai_edge_litert", "shrink"), ("scipy", "shrink"), ("matplotlib", "--report as a page")],
)
def test_a_package_that_is_missing_is_named_before_anything_is_written(
    command: Command, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, needs: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as Python marks what can't be imported
    monkeypatch.setattr("sepzoo.cli.shrink.open_network", lambda *given, **more: pytest.fail("the work has begun"))
    files = ["--out", tmp_path / "small.tflite", "--report", tmp_path / "report.html"]
    outcome = command("shrink", network, "--data", "digits", "--macs", "50%", "--curve", *files)
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == (
        f"error: {needs} needs {package}. Received: it is not installed. Install it: pip install sepzoo."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["ai_edge_litert.interpreter", "scipy"])
def test_a_package_that_is_missing_is_named_by_every_command(
    command: Command, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    def opened(*_given: Any, **_more: Any) -> None:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr("sepzoo.cli.shrink.open_network", opened)
    outcome = command("shrink", network, "--data", "digits", "--macs", "50%", "--out", tmp_path / "small.tflite")
    package = missing.partition(".")[0]
    told = f"error: sepzoo needs {package}. Received: it is not installed. Install it: pip install sepzoo."
    assert (outcome.code, outcome.err.splitlines()[-1]) == (2, told)
