"""The site builds without a warning, its reference has every public name, its pages fetch nothing from elsewhere."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extras import needed
from tests.test_imports import ROOT

pytestmark = pytest.mark.slow
FETCHED = re.compile(r'<(?:script|img|iframe)[^>]*\ssrc="(?P<src>[^"]*)"|<link(?P<link>[^>]*)>')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needed("mkdocs", "docs")
    needed("mkdocstrings", "docs")
    folder = tmp_path_factory.mktemp("site")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    pages = sorted((site / "reference").glob("*/index.html"))
    assert len(pages) == len(list((ROOT / "docs" / "reference").glob("*.md")))
    for page in pages:
        package = f"sepzoo.{page.parent.name}"
        anchors = {
            anchor.rpartition(".")[2] for anchor in re.findall(r'id="(sepzoo\.[\w.]+)"', page.read_text("utf-8"))
        }
        public = set(importlib.import_module(package).__all__)
        assert public - anchors == set(), package
        shown = set(re.findall(rf'id="{re.escape(package)}\.(\w+)"', page.read_text("utf-8")))
        assert shown <= public, package


def test_every_page_is_reached_from_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        place = page.relative_to(ROOT / "docs").with_suffix("").as_posix()
        assert place == "index" or f'href="{place}/"' in home, place


def test_pages_fetch_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        for match in FETCHED.finditer(page.read_text(encoding="utf-8")):
            link = match["link"] or ""
            place = match["src"] or ("" if "canonical" in link else " ".join(re.findall(r'href="([^"]*)"', link)))
            assert not place.startswith(("http:", "https:", "//")), f"{page.relative_to(site)}: {place}"
