"""The page of performance: its scripts run, and print tables of the rows that it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.nightly.record import write_record
from tests.test_imports import ROOT

PAGE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```sh\npython (benchmarks/\w+\.py)\n```", PAGE)


def test_every_script_that_pages_name_is_there() -> None:
    pages = [ROOT / "README.md", ROOT / "training" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    named = {name for page in pages for name in re.findall(r"benchmarks/\w+\.py", page.read_text(encoding="utf-8"))}
    assert named >= set(COMMANDS) != set()
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


@pytest.mark.nightly
def test_the_scripts_print_the_page_s_tables() -> None:
    printed = []
    for script in COMMANDS:  # the others need a trained network
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        line = [sys.executable, script]
        done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        rows = done.stdout.strip().splitlines()
        assert len(rows) >= 3
        for row in rows:
            first = re.split(r"\s{2,}", row)[0].strip("`")
            assert first in PAGE, row
        printed.append(f"$ python {script}\n{done.stdout}")
    write_record("performance", "\n".join(printed))
