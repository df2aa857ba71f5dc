"""The console blocks of README and docs run as written, in order, and print what they show."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import PROGRAM
from tests.test_imports import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?:<!-- console: (?P<needs>.*?) -->\n)?```console\n(?P<text>.*?)```", re.DOTALL)
CUT = "…"
"""Stands for lines that a page leaves out."""


def blocks(page: Path) -> list[tuple[str | None, list[tuple[str, list[str]]]]]:
    """Return a page's console blocks: what each needs that is not here, and its commands with the lines shown."""
    found = []
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        commands: list[tuple[str, list[str]]] = []
        for line in match["text"].splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
        found.append((match["needs"], commands))
    return found


def plain(line: str) -> str:
    """Return a line with its numbers and spaces alike: times differ, and with them the width of columns."""
    return " ".join(re.sub(r"\.?\d[\d.,:]*", "#", line).split())


Ran = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def ran(folder: Path) -> Ran:
    """Runs a command in the folder of all pages; one that stands on several of them, once."""
    unset = ("SEPZOO_SHARED", "TFDS_DATA_DIR", "TF_CPP_MIN_LOG_LEVEL")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    path = f"{folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    environment = {**kept, "PATH": path, "PYTHONPATH": str(ROOT)}

    @functools.cache
    def run(command: str) -> subprocess.CompletedProcess[str]:
        line = ["bash", "-c", command]
        return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quickstart: tuple[Path, object]) -> Path:
    """Where all pages' commands run: the quickstart has run once; on the path, a `sepzoo` of this very tree."""
    place = tmp_path_factory.mktemp("consoles")
    shutil.copytree(quickstart[0] / "runs", place / "runs")
    program = place / "bin" / "sepzoo"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{PROGRAM}\n", encoding="utf-8")
    program.chmod(0o755)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_run_as_written(page: Path, ran: Ran) -> None:
    for needs, commands in blocks(page):
        for command, shown in commands if needs is None else ():
            done = ran(command)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            printed = [plain(line) for line in done.stdout.splitlines()]
            missing = [line for line in shown if line.strip() != CUT and plain(line) not in printed]
            assert missing == [], f"{command}\n{done.stdout}"
            if CUT not in map(str.strip, shown):
                assert list(map(plain, shown)) == printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_block_that_is_not_run_says_what_it_needs(page: Path) -> None:
    for needs, commands in blocks(page):
        assert needs is None or len(needs) >= 20
        assert commands
    for match in re.findall(r"<!-- console: .*? -->\n(.*)", page.read_text(encoding="utf-8")):
        assert match == "```console"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_uses_a_variable_that_the_page_does_not_set(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [command for _, commands in blocks(page) for command, _ in commands]
    lines += [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    for line in lines:
        for name in re.findall(r"\$\{?(\w+)", line):
            assert re.search(rf"^\s*(export )?{name}=", text, re.MULTILINE), f"{page.name}: {line}"


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "training" / "README.md"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_script_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"python ((?:benchmarks|training|applications)/[\w/]+\.py)", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert named or page.name != "performance.md"
