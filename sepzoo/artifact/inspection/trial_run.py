"""Running a `.tflite` file once where a crash does no harm, as the loading process will run it."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

from sepzoo.support.bounds import BOUNDS


def run_once(path: Path) -> None:
    """Run a `.tflite` file on zeros.

    Raises:
        Exception: almost any; a damaged file makes its interpreter raise what it likes.
    """
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    with contextlib.suppress(OSError):  # Linux: the peak is counted anew, where one process looks at many files
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _peak_memory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = Interpreter(model_content=path.read_bytes(), num_threads=1)
        interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
    interpreter.invoke()
    for details in interpreter.get_output_details():
        interpreter.get_tensor(details["index"])
    BOUNDS.check_run(_peak_memory() - before, path.stat().st_size)


def _peak_memory() -> int:
    """Return the most bytes that this process has had so far, as Linux says; 0 elsewhere.

    Not `ru_maxrss`, which begins with what the process had that started this one.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
