"""`sepzoo export` with what may be chosen of `.tflite` files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ai_edge_litert.interpreter import Interpreter

from sepzoo.export.target_names import TARGET_NAMES
from tests.cli.conftest import Command


@pytest.mark.slow
def test_all_of_them_in_one_command(command: Command, small_files: Path, tmp_path: Path) -> None:
    chosen = ["--keep-float", "stem,*_unit1_depthwise", "--batch-sizes", "4", "--c-array", "--layer-report"]
    arguments = ["--to", "tflite:weights_int8,tflite:float32", "--data", "digits", "--out", tmp_path, *chosen, "--json"]
    outcome = command("export", small_files / "small.keras", *arguments)
    assert outcome.code == 0, outcome.err
    integer, plain = json.loads(outcome.out)["files"]
    assert sorted(Interpreter(plain["path"]).get_signature_list()) == ["serving_default", "serving_default_batch4"]
    assert "stem" in integer["float_layers"]
    assert integer["float_bytes"] != 0  # the scales of so small kernels take more than they save
    assert plain["float_layers"] == []
    for report in (integer, plain):
        assert report["batch_sizes"] == [1, 4]
        assert report["microcontroller"]["flash"] == report["size"]
        assert Path(report["microcontroller"]["array"]).read_text().count("0x") == report["size"]
        assert [layer["layer"] for layer in report["layers"]["layers"]][:1]
        written = sorted(path.name for path in tmp_path.glob(f"{Path(report['path']).name}.layers.*"))
        assert [name.rpartition(".")[2] for name in written] == ["csv", "json", "png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--edges", "int9"], "error: unknown type at the edges 'int9'. Did you mean int8"),
        (
            ["--batch-sizes", "4,x"],
            "error: expected --batch-sizes as whole numbers with commas between, ",
        ),
        (["--batch-sizes", "0"], "error: expected batch_sizes as whole numbers from 1 to 1024. Received: (0,)."),
        (["--agreement", "0.9"], "error: expected agreement beside keep_float='auto'."),
        (["--max-drop", "0.1"], "error: expected a mode in which single layers can stay float: int8, "),
        (["--keep-float", "stem"], "error: expected a mode in which single layers can stay float: int8, "),
    ],
)
def test_bad_ones_are_one_line_before_anything_is_done(
    command: Command, small_files: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    told = ["--to", "tflite:float32", "--out", tmp_path, *arguments]
    outcome = command("export", small_files / "small.keras", *told)
    assert outcome.code == 2
    assert outcome.err.startswith(message)
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_search_needs_samples(command: Command, small_files: Path, tmp_path: Path) -> None:
    told = ["--to", "tflite:weights_int8", "--keep-float", "auto", "--out", tmp_path]
    outcome = command("export", small_files / "small.keras", *told)
    assert outcome.code == 2
    assert outcome.err.startswith("error: tflite:weights_int8 needs images to calibrate on. Received: no --data.")


def test_help_and_the_page_name_every_target(command: Command) -> None:
    helped = "".join(command("export", "--help").out.split())
    page = (Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "int8.md").read_text(encoding="utf-8")
    for row in TARGET_NAMES:
        assert row.name in helped.replace("│", "")
        assert f"| `{row.name}` |" in page or not row.name.startswith("tflite:")
