"""docs/dependencies.md names every dependency and extra of pyproject.toml, with the same bounds, and no other."""

from __future__ import annotations

import ast
import re
import tomllib

from packaging.requirements import Requirement

from tests.test_imports import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]


def bounds(requirement: str) -> tuple[str, str]:
    """Return a requirement's name and its bounds, sorted."""
    parsed = Requirement(requirement)
    return parsed.name, ",".join(sorted(map(str, parsed.specifier))) or "any"


def written(cell: str) -> str:
    """Return the bounds of a cell, sorted."""
    return ",".join(sorted(cell.strip("`").split(",")))


def test_every_dependency_has_its_line() -> None:
    rows = {
        name.strip("`"): written(limits) for name, limits, *reasons in ROWS if len(reasons) == 2 and limits[1] in "<>=~"
    }
    assert rows == dict(map(bounds, PROJECT["dependencies"]))


def test_every_package_of_an_extra_has_its_line() -> None:
    rows = {
        (extra.strip("`"), package.strip("`")): written(limits)
        for extra, package, limits, _ in ROWS
        if limits == "any" or limits[1] in "<>=~"
    }
    extras = PROJECT["optional-dependencies"].items()
    found = {(extra, bounds(each)[0]): bounds(each)[1] for extra, requirements in extras for each in requirements}
    assert rows == found


def test_every_line_says_why() -> None:
    for row in ROWS:
        assert re.search(r"\w+ \w+", row[-1]) or row[-1] in ("types", "style"), row
        assert len(row) == 4


def test_what_has_an_upper_bound_says_what_it_guards() -> None:
    for row in ROWS:
        if "<" in "".join(row[1:3]):
            assert "no upper bound" not in row[-1], row


def test_no_module_needs_an_extra_to_be_imported() -> None:
    extras = PROJECT["optional-dependencies"]
    optional = {bounds(each)[0].replace("-", "_") for name in extras for each in extras[name]}
    optional -= {"sepzoo", *(bounds(each)[0].replace("-", "_") for each in PROJECT["dependencies"])}
    assert {"jax", "torch", "onnxruntime", "openvino", "nncf", "selenium"} <= optional
    found = {}
    for path in (ROOT / "sepzoo").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:  # not what stands in functions
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name.partition(".")[0]: path.name for name in names}
    assert {"keras", "numpy"} <= found.keys()
    assert not optional & found.keys()
