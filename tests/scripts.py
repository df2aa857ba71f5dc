"""Scripts that lie in a folder and import one another, as modules of a test and of no other."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType


@contextlib.contextmanager
def imported(*scripts: Path) -> Iterator[list[ModuleType]]:
    """Import scripts of one folder as Python does that runs one of them, and forget them after the block.

    Scripts of two folders may have the same name, and what another test imported must not be taken for them.
    """
    folder, path = scripts[0].parent, list(sys.path)
    names = {script.stem for script in folder.glob("*.py")}
    before = {name: sys.modules.pop(name) for name in names & sys.modules.keys()}
    sys.path.insert(0, str(folder))
    try:
        yield [importlib.import_module(script.stem) for script in scripts]
    finally:
        sys.path[:] = path
        for name in names & sys.modules.keys():
            del sys.modules[name]
        sys.modules.update(before)
