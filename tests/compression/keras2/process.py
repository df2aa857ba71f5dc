"""Starts the process in which Keras 3, Keras 2 and tensorflow-model-optimization live together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def run(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Try cases, and return what was told of them."""
    command = [sys.executable, "-m", "tests.compression.keras2.program", str(folder), *names]
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "told.json").read_text())
