"""Figures of a process of its own: what a script prints as JSON in its last line."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

ONE_THREAD = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1")


def figures_of(script: str, *arguments: str, settings: dict[str, str] | None = None) -> tuple[float, ...]:
    """Return the numbers in the last line that a script prints.

    Args:
        script: its path.
        arguments: of it.
        settings: environment variables beside those of this process.
    """
    environment = {**os.environ, **(settings or {})}
    command = [sys.executable, script, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def peak() -> float:
    """Return the most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
