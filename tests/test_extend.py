"""docs/extend.md followed literally in a copy of the package: file written, changes made, commands run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import PROGRAM
from tests.test_imports import PACKAGE, ROOT

PAGE = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[tuple[str, str]]:
    """Return the title and the text of each block of a language."""
    return re.findall(rf'```{language} title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL)


def change(file: Path, diff: str) -> None:
    """Make the change that a diff shows; what it changes stands in the file once."""
    lines = diff.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name}: {old}"
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package in which the page was followed."""
    folder = tmp_path_factory.mktemp("extend")
    shutil.copytree(PACKAGE, folder / "sepzoo", ignore=shutil.ignore_patterns("__pycache__"))
    for title, text in blocks("python"):
        assert not (folder / title).exists()
        (folder / title).write_text(text, encoding="utf-8")
    for title, text in blocks("diff"):
        change(folder / title, text)
    return folder


def run(folder: Path, *line: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("title", ["network", "kind"])
def test_the_commands_run(title: str, copy: Path) -> None:
    program = copy / "sepzoo_command.py"
    program.write_text(PROGRAM, encoding="utf-8")
    commands = [line.removeprefix("$ ") for line in dict(blocks("console"))[title].splitlines()]
    assert len(commands) >= 2
    for command in commands:
        line = re.sub("^python ", f"{sys.executable} ", re.sub("^sepzoo ", f"{sys.executable} {program} ", command))
        printed = run(copy, "bash", "-c", line)
        assert command.startswith("python ") or "tinynet" in printed or "cifar_resnet8" in printed


@pytest.mark.slow
def test_network_and_kind_count_as_the_table_says(copy: Path) -> None:
    code = """
import json, sepzoo
build, profile = sepzoo.applications.build, sepzoo.analysis.profile
names = ("tinynet", {}), ("tinynet", {"conv": "bsconv_u"}), ("tinynet_bsconvu", {}), ("tinynet", {"conv": "grouped"})
networks = [build(name, **arguments) for name, arguments in names]
print(json.dumps([[profile(network).macs, network.output_shape[1]] for network in networks]))
print(json.dumps(sepzoo.applications.list_models("tinynet*")))
"""
    counts, listed = map(json.loads, run(copy, sys.executable, "-c", code).splitlines())
    stem, head = 32 * 32 * 9 * 3 * 16, 128 * 10
    sizes = [(16, 16, 32), (8, 32, 64), (4, 64, 128)]
    dense = sum(side * side * 9 * inputs * outputs for side, inputs, outputs in sizes)
    blueprint = sum(4 * side * side * inputs * outputs + side * side * 9 * outputs for side, inputs, outputs in sizes)
    assert counts == [[stem + each + head, 10] for each in (dense, blueprint, blueprint, dense // 4)]
    assert listed == ["tinynet", "tinynet_bsconvu"]


def test_the_page_s_file_keeps_the_style(tmp_path: Path) -> None:
    for title, text in blocks("python"):
        file = tmp_path / Path(title).name
        file.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
