"""The process in which all cases of CI are tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.compression.keras2.cases import CASES

ROOT = Path(__file__).parents[3]


def run(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Try cases, and return what was told of them."""
    command = [sys.executable, "-m", "tests.compression.keras2.program", str(folder), *names]
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "told.json").read_text())


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the process leaves of the cases of CI."""
    place = tmp_path_factory.mktemp("cases")
    run(place, [*CASES, "rounding"])
    return place
