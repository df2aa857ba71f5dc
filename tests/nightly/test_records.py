"""Each nightly page has its last output in the repository, with its day."""

from __future__ import annotations

import re

from tests.nightly.record import FOLDER


def test_each_nightly_test_has_a_record() -> None:
    tests = {path.stem.removeprefix("test_") for path in FOLDER.glob("test_*.py")} - {"records"}
    assert tests == {path.stem for path in FOLDER.glob("*.txt")} != set()
    for name in tests:
        first, command, *printed = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        assert re.match(r"20\d\d-\d\d-\d\d, Python 3", first)
        assert command.endswith(f"tests/nightly/test_{name}.py")
        assert len(printed) > 3
