"""Nobody is told what OpenVINO and NNCF are used for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extras import needed
from tests.test_imports import ROOT

IMPORTED = re.compile(r"^( *)(?:import|from) (?:openvino|nncf)\b", re.MULTILINE)
PROGRAM = """
from sepzoo.support.usage_data import keep_private
keep_private()
import openvino.tools.ovc
from nncf.telemetry.wrapper import NNCFTelemetry, telemetry
print(type(openvino.tools.ovc.telemetry).__module__, isinstance(telemetry, NNCFTelemetry))
"""


def test_nothing_imports_them_without_it() -> None:
    found = []
    for path in sorted((ROOT / "sepzoo").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for each in IMPORTED.finditer(text):
            found.append(path.name)
            assert each[1], f"{path}: at the head of the module"
            function = text[text.rindex("\ndef ", 0, each.start()) : each.start()]
            assert f"\n{each[1]}keep_private()\n" in function, path
    assert {"openvino.py", "quantized.py", "openvino_file.py"} <= set(found)


@pytest.mark.slow
def test_both_take_what_does_nothing(tmp_path: Path) -> None:
    needed("nncf", "openvino")
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_CURRENT_TEST")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "openvino.tools.ovc.telemetry_stub False\n", done.stderr
    assert not (tmp_path / "intel").exists()  # where each installation gets a number
