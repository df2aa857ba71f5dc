"""The command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = "from sepzoo.cli import main; main()"


def run_command(
    *arguments: str | Path, cwd: Path | None = None, before: str = "", timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run `sepzoo` with these arguments; `before` is Python that runs first, as a blocked import would."""
    line = [sys.executable, "-c", f"{before}\n{PROGRAM}", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
