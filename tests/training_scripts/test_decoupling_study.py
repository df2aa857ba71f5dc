"""The study of decoupling, on a network and data as small as can be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import pytest

from sepzoo.artifact import model_file
from sepzoo.records.metadata import Metadata
from tests.scripts import imported
from tests.test_imports import ROOT


def network(path: Path) -> Path:
    x = source = keras.Input((8, 8, 1), name="image")
    for number, width in enumerate((8, 12, 12)):
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(keras.layers.BatchNormalization(name=f"bn{number}")(x))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(source, keras.layers.Dense(10, activation="softmax", name="fc")(x), name="net")
    return model_file.save(model_file.attach(model, Metadata("net", labels=tuple("0123456789"))), path)


def study(model: Path, out: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["--out", out, "--data", "digits", "--terms", "2", "--samples", "40", "--learning-rate", "0.3"]
    line = [sys.executable, ROOT / "training" / "decoupling_study.py", model, *arguments]
    return subprocess.run(list(map(str, line)), check=True, capture_output=True, text=True)


@pytest.mark.slow
def test_it_goes_on_where_it_was_broken_off(tmp_path: Path, seed: int) -> None:
    model, out = network(tmp_path / "net.keras"), tmp_path / "study"
    first = study(model, out)
    file = out / "arms.jsonl"
    lines = file.read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 1 + 2 + 2 * 4
    found = {(row["method"], row["order"]): row for row in rows}
    assert found["original", ""]["layer_error"] == 0.0
    for order in ("pw_dw", "dw_pw"):
        free, driven = found["data_free", order], found["data_driven", order]
        assert driven["layer_error"] < free["layer_error"]
        assert driven["macs"] == free["macs"]
        assert free["tuned"]["accuracy"] > free["plain"]["accuracy"]  # the original was not trained at all
    assert len((out / "decoupling.csv").read_text().splitlines()) == 1 + len([row for row in rows if "plain" in row])
    assert (out / "decoupling.png").stat().st_size > 10_000
    table = (out / "decoupling.txt").read_text().splitlines()
    assert first.stdout.splitlines()[-len(table) :] == table
    assert len(table) == 1 + len([row for row in rows if "plain" in row])
    assert table[0].split()[:4] == ["order", "T", "method", "MACs"]
    assert any("±" in line for line in table)
    file.write_text("\n".join(lines[:-2]) + "\n")
    again = study(model, out)
    assert [json.loads(line)["method"] for line in file.read_text().splitlines()] == [row["method"] for row in rows]
    assert len(again.stdout.splitlines()) == len(table) + 2


@pytest.fixture
def modules() -> Iterator[list[ModuleType]]:
    with imported(ROOT / "training" / "decoupling_arms.py", ROOT / "training" / "decoupling_table.py") as found:
        yield found


def test_the_plot_names_its_lines_and_tells_them_apart(
    tmp_path: Path, drawn: list[Any], modules: list[ModuleType]
) -> None:
    decoupling_arms, decoupling_table = modules
    arms = decoupling_table.Arm.read(ROOT / "training" / "figures" / "decoupling.csv")
    assert {arm.method for arm in arms} == {"original", *decoupling_arms.METHODS}
    assert set(decoupling_table.METHODS) == set(decoupling_arms.METHODS)
    decoupling_table.plot(arms, tmp_path / "decoupling.png")
    (legend,) = drawn[0].legends
    assert len(legend.get_texts()) == len(decoupling_arms.METHODS) + 2
    for axes in drawn[0].axes:
        lines = axes.get_lines()
        assert [line.get_label() for line in lines] == [text.get_text() for text in legend.get_texts()]
        looks = [
            (line.get_color(), line.get_marker(), line.get_linestyle(), line.get_markerfacecolor()) for line in lines
        ]
        assert len(set(looks)) == len(looks)
