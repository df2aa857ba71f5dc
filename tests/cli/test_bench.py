"""`sepzoo bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sepzoo import SepzooError, benchmark
from sepzoo.benchmark import make_operator, operator_file, read_kept_results
from sepzoo.benchmark.worker import Worker
from tests.cli.conftest import Command


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `.tflite` file of one convolution; what is kept goes into a folder of the test's."""
    monkeypatch.setenv("SEPZOO_CACHE", str(tmp_path / "kept"))
    path = tmp_path / "conv.tflite"
    path.write_bytes(operator_file(make_operator("conv", (1, 8, 8, 3), filters=4, kernel_size=3)))
    return path


def test_a_file_is_measured_kept_and_written(command: Command, file: Path, tmp_path: Path) -> None:
    csv, plot = tmp_path / "r.csv", tmp_path / "r.png"
    outcome = command(
        "bench", file, "--threads", "1,2", "--batches", "2,1", "--turns", "2", "--seconds", "0.001", "--csv", csv,
        "--plot", plot, "--json",
    )  # fmt: skip
    found = json.loads(outcome.out)["results"]
    assert [(each["threads"], each["batch"], each["target"]) for each in found] == [
        (1, 1, "conv.tflite"), (1, 2, "conv.tflite"), (2, 1, "conv.tflite"), (2, 2, "conv.tflite"),
    ]  # fmt: skip
    assert len(csv.read_text().splitlines()) == 5
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert [each["median_ms"] for each in read_kept_results()] == [each["median_ms"] for each in found]


def test_a_trusted_file_is_so_in_the_process_that_measures_it(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    class Seen(Worker):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            given.append(more["trust"])
            super().__init__(*arguments, **more)

    monkeypatch.setattr("sepzoo.benchmark.running.Worker", Seen)
    for options in ([], ["--trust"]):
        assert command(*options, "bench", file, "--turns", "1", "--seconds", "0.001").code == 0
    assert given == [False, True]


def test_a_setting_may_be_none(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def run(targets: list[str], **more: Any) -> None:
        given.update(more)
        raise SepzooError("seen")

    monkeypatch.setattr(benchmark, "run", run)
    outcome = command("bench", "mobilenet_v2", "--set", "divisor=null", "--set", "alpha=0.5")
    assert outcome.err.splitlines()[-1] == "error: seen"
    assert given["settings"] == {"divisor": None, "alpha": 0.5}


def test_layers_are_shown_beside_the_machine(command: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepzoo.benchmark.roofline._SIZES", [2**14, 2**18])
    monkeypatch.setattr("sepzoo.benchmark.roofline._PRODUCTS", [((1, 8, 8, 64), 64)])
    lines = command("bench", file, "--layers", "--csv", file.with_suffix(".csv")).out.splitlines()
    assert lines[1:3] == ["conv.tflite", lines[2]]
    assert lines[3].startswith("conv_2d 3x3 float32  1x8x8x4")
    assert file.with_suffix(".csv").read_text().startswith("operator,ms,macs,bytes,limit_ms,bound\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threads", "0"], "expected numbers from 1 on, such as 1,2, for --threads. Received: '0'."),
        (["--batches", "1,x"], "expected numbers from 1 on, such as 1,2, for --batches. Received: '1,x'."),
        (["mobilenet_v1", "--layers"], "expected .tflite files beside --layers. Received: mobilenet_v1. Write one:"),
        (["mobilenet_v1", "--layers", "--plot", "a.png"], "expected one file where --layers writes. Received: 2, "),
        (["nosuch"], "unknown model 'nosuch'."),
        (["--set", "alpha=0.5"], "expected settings beside a network's name. Received: alpha for conv"),
    ],
)  # fmt: skip
def test_mistakes_are_said(command: Command, file: Path, options: list[str], message: str) -> None:
    outcome = command("bench", file, *options)
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: {message}")
