"""Old names of modules work and warn."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import sepzoo

FINDER = next(finder for finder in sys.meta_path if type(finder).__name__ == "MovedModules")


@pytest.mark.parametrize("old", FINDER.modules)
def test_an_old_name_gives_the_moved_module(old: str) -> None:
    new = FINDER.modules[old]
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {new}"):
        assert importlib.import_module(old) is importlib.import_module(new)


def test_old_import_statements_work() -> None:
    program = "from sepzoo.errors import SepzooError; import sepzoo; assert SepzooError is sepzoo.SepzooError"
    done = subprocess.run([sys.executable, "-W", "always", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "sepzoo.errors is now sepzoo.support.errors" in done.stderr
    assert "<string>:1" in done.stderr  # the warning names the user's line


def test_what_never_was_is_no_module() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("sepzoo.nothing")
    assert "SepzooError" in dir(sepzoo)
