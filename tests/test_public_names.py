"""Every public name is seen: by `dir()` and tab completion, by `help()`, by type checkers."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import re
import rlcompleter
import subprocess
import sys
from pathlib import Path

import mypy.api
import pytest

from tests.test_imports import PACKAGE, ROOT

PACKAGES = ["sepzoo", *sorted(f"sepzoo.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py"))]
PUBLIC = [name for name in PACKAGES if hasattr(importlib.import_module(name), "__all__")]


@pytest.mark.parametrize("package", PUBLIC)
def test_dir_and_completion_show_all(package: str) -> None:
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))
    completer = rlcompleter.Completer({"module": module})
    matches = completer.attr_matches("module.")
    assert {f"module.{name}" for name in module.__all__} <= {match.rstrip("()") for match in matches}


@pytest.mark.parametrize("package", PUBLIC)
def test_every_name_is_there_and_has_help(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        thing = getattr(module, name)
        assert name in pydoc.render_doc(thing, f"help on {name}: %s")
        if inspect.isclass(thing) or inspect.isroutine(thing) or inspect.ismodule(thing):
            assert (thing.__doc__ or "").strip(), f"{package}.{name} has no docstring"


def test_each_room_with_public_names_is_reached_from_sepzoo() -> None:
    program = "import sepzoo, sys; [getattr(sepzoo, name) for name in sys.argv[1:]]"
    rooms = [name.removeprefix("sepzoo.") for name in PUBLIC if name not in ("sepzoo", "sepzoo.cli")]
    named = {"applications", "layers", "surgery", "export", "inference", "training", "data", "analysis"}
    assert named | {"compression", "shrinking"} <= set(rooms)
    done = subprocess.run([sys.executable, "-c", program, *rooms], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # in a process where nothing else has imported them


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'sepzoo\.export' has no attribute 'nosuch'"):
        importlib.import_module("sepzoo.export").nosuch  # noqa: B018


@pytest.mark.slow
def test_type_checkers_see_every_name(tmp_path: Path) -> None:
    names = [(package, name) for package in PUBLIC for name in importlib.import_module(package).__all__]
    lines = [*(f"import {package}" for package in PUBLIC), *(f"reveal_type({place}.{name})" for place, name in names)]
    lines.append("reveal_type(sepzoo.export.nosuch)")
    snippet = tmp_path / "snippet.py"
    snippet.write_text("\n".join(lines) + "\n", encoding="utf-8")
    output, problems, _ = mypy.api.run(["--config-file", str(ROOT / "pyproject.toml"), str(snippet)])
    assert problems == ""
    revealed = {
        int(line): text for line, text in re.findall(r'snippet\.py:(\d+): note: Revealed type is "(.*)"', output)
    }
    places = range(len(PUBLIC) + 1, len(PUBLIC) + len(names) + 1)
    unseen = [names[place - places.start] for place in places if revealed.get(place, "Any") == "Any"]
    assert unseen == []
    assert revealed[len(lines)] == "Any"  # so that a name which the checker misses is told apart
