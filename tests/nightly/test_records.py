"""Each nightly page has its last output in the repository, with its day."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.nightly.record import FOLDER, Rows

NEVER_WHOLE = {"product"}
"""Tests of many hours that nobody let run to their end yet."""


def test_each_nightly_test_has_a_record() -> None:
    tests = {path.stem.removeprefix("test_") for path in FOLDER.glob("test_*.py")} - {"records"} - NEVER_WHOLE
    assert tests == {path.stem for path in FOLDER.glob("*.txt")} - NEVER_WHOLE != set()
    for name in tests:
        first, command, *printed = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        assert re.match(r"20\d\d-\d\d-\d\d, Python 3", first)
        assert command.endswith(f"tests/nightly/test_{name}.py")
        assert len(printed) > 3


FLOATS = ("xla", "xla:cpu", "stablehlo", "onnx", "openvino", "browser")
LESS_ROUNDED = ("tflite:float16", "tflite:dynamic", "tflite:weights_int8", "tflite:int16x8")


def test_the_registry_s_rows_obey_what_its_test_asserts() -> None:
    found = set()
    for line in (FOLDER / "registry.txt").read_text(encoding="utf-8").splitlines()[4:]:
        row = re.search(r" +[\d,]+ +(\S+)  (\S+), [\d,]+ KiB, (\S+)$", line)
        if row is None:
            assert re.search(r"tflite:int16x8: SquaredDifference", line)
            continue
        rounded, error = map(float, row.group(1, 3))
        assert row[2] not in FLOATS or error < 1e-3, line
        assert row[2] not in LESS_ROUNDED or error < rounded, line
        found.add(row[2])
    assert found >= {*FLOATS, *LESS_ROUNDED}


def test_rows_are_kept_and_left_out_where_the_remaining_ones_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows("some", "network, {done} of {all}", ("one", "two", "three"), folder=tmp_path)
    assert rows.done() == {}
    rows.keep("three", " 3.0")
    rows.keep("one", " 0.1")
    rows.keep("one", " 1.0")
    assert (tmp_path / "some.txt").read_text(encoding="utf-8").splitlines()[3:] == [
        "network, 2 of 3",
        f"{'one':44} 1.0",
        f"{'three':44} 3.0",
    ]
    rows.skip_if_done("one")
    monkeypatch.setenv("REMAINING", "1")
    rows.skip_if_done("two")
    with pytest.raises(pytest.skip.Exception):
        rows.skip_if_done("one")
    monkeypatch.setattr("tests.nightly.record.versions", lambda: "others")
    rows.skip_if_done("one")
