"""Reading a file once where a crash does no harm, as the loading process will read it."""

from __future__ import annotations

import contextlib
import warnings
import zipfile
from pathlib import Path
from typing import IO

from sepzoo.artifact.inspection.archive import open_member
from sepzoo.artifact.inspection.records import Inspection
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.types import Hdf5Item

_STRETCH = 2**24
"""Values that are read at once."""


def try_out(path: Path, found: Inspection) -> None:
    """Read every value of an HDF5 file, or run a `.tflite` file once on zeros; other formats can't crash their reader.

    Raises:
        Exception: almost any; a damaged file makes its parser raise what it likes.
    """
    if found.format == ".tflite":
        _run(path)
    elif found.format.endswith(".h5"):
        _read_values(path)
    elif found.format == ".keras":
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            for name in (name for name in archive.namelist() if name.endswith(".weights.h5")):
                _read_values(open_member(archive, file, name))


def _read_values(file: Path | IO[bytes]) -> None:
    import h5py

    with h5py.File(file, "r") as opened:

        def visit(name: str, member: Hdf5Item) -> None:
            if isinstance(member, h5py.Dataset) and member.shape:
                rows = max(1, _STRETCH * len(member) // max(1, member.size))
                for start in range(0, len(member), rows):
                    member[start : start + rows]
            elif isinstance(member, h5py.Dataset):
                member[()]

        opened.visititems(visit)


def _run(path: Path) -> None:
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
