"""Running a `.tflite` or `.onnx` file once where a crash does no harm, as the loading process will run it."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import warnings
from collections.abc import Callable
from pathlib import Path

from sepzoo.artifact.browser_page import model_in
from sepzoo.artifact.inspection.onnx_graph import ONNX_TYPES
from sepzoo.support.bounds import BOUNDS


def run_tflite(path: Path) -> None:
    """Run a `.tflite` file on zeros.

    Raises:
        Exception: almost any; a damaged file makes its interpreter raise what it likes.
    """
    _run_model(path.read_bytes())


def run_page(path: Path) -> None:
    """Run the network in a page on zeros, as `run_tflite` does."""
    _run_model(model_in(path.read_bytes()))


def _run_model(content: bytes) -> None:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    before = _peak_memory_from_now()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
    interpreter.invoke()
    for details in interpreter.get_output_details():
        interpreter.get_tensor(details["index"])
    BOUNDS.check_run(_peak_memory() - before, len(content))


def run_onnx(path: Path) -> None:
    """Run an `.onnx` file on zeros, where ONNX Runtime is installed.

    Raises:
        Exception: almost any; a damaged file makes the runtime raise what it likes.
    """
    if importlib.util.find_spec("onnxruntime") is None:  # then nobody opens the file either
        return
    import numpy as np
    from onnxruntime import InferenceSession, SessionOptions

    before = _peak_memory_from_now()
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    given = {}
    for each in session.get_inputs():
        if each.type not in ONNX_TYPES:
            raise ValueError(f"its input {each.name!r} is a {each.type}, no tensor of numbers")
        shape = [size if isinstance(size, int) else 1 for size in each.shape]
        BOUNDS.check_tensor(math.prod(shape) * np.dtype(ONNX_TYPES[each.type]).itemsize)
        given[each.name] = np.zeros(shape, ONNX_TYPES[each.type])
    session.run(None, given)
    BOUNDS.check_run(_peak_memory() - before, path.stat().st_size)


TRIALS: dict[str, Callable[[Path], None]] = {".tflite": run_tflite, ".onnx": run_onnx, ".html": run_page}
"""Format -> what runs a file of it once."""


def _peak_memory_from_now() -> int:
    """Return the most bytes that this process has had, counted anew on Linux, where one looks at many files."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak_memory()


def _peak_memory() -> int:
    """Return the most bytes that this process has had so far, as Linux says; 0 elsewhere.

    Not `ru_maxrss`, which begins with what the process had that started this one.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
