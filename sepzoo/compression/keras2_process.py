"""The process in which tensorflow-model-optimization works, seen from outside."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sepzoo.support.child import import_paths
from sepzoo.support.errors import SepzooError
from sepzoo.support.exit_status import why_ended
from sepzoo.support.progress import counted
from sepzoo.support.types import Json

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from sepzoo.compression.keras2.program import main
main(sys.argv[2])
"""
_ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
_NEEDED = ("tensorflow", "tf_keras", "tensorflow_model_optimization")


def require_packages(what: str) -> None:
    """See that the process will find what it imports.

    Raises:
        SepzooError: a package is missing.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SepzooError(
            f"{what} needs {', '.join(_NEEDED)}. Received: {', '.join(missing)} not installed. Install sepzoo with its "
            "dependencies: pip install sepzoo."
        )


def carry_out(folder: Path, steps: int, title: str) -> Json:
    """Let the process carry out the task of a folder, and return what it says at its end.

    Args:
        folder: see `sepzoo.compression.keras2.program.work`.
        steps: how many it will take, for progress.
        title: what they are, for progress.

    Raises:
        SepzooError: what the process refuses, or that it crashed.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        code = 0
        for line in counted(_lines(folder, log.fileno()), steps, title):
            if "error" in line:
                raise SepzooError(line["error"])
            if "failed" in line:
                raise SepzooError(
                    f"expected a network that Keras 2 can hold, around layers of Keras 3. Received: {line['failed']}. "
                    "Leave out the layer that it speaks of, or keep it by name with keep=."
                )
            if "end" in line:
                return line["end"]
            code = line.get("code", code)
        log.seek(0)
        raise SepzooError(
            f"expected the process with tensorflow-model-optimization to finish. Received: it ended early "
            f"({why_ended(code, log.read())}). It may have had too little memory: pass a smaller batch_size."
        )


def _lines(folder: Path, log: int) -> Iterator[Json]:
    """Start the process, and yield what it says, and last its exit code; it is ended where nobody listens any more."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", _PROGRAM, json.dumps(import_paths()), str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**os.environ, **_ENVIRONMENT},
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            yield json.loads(line)
        yield {"code": process.wait()}
    finally:
        process.kill()
        with contextlib.suppress(OSError):
            process.stdout.close()
        process.wait()
