"""Names that are found in their modules once somebody asks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sepzoo import SepzooError
from sepzoo.support.lazy import lazy_names


@pytest.mark.slow
def test_what_a_name_needs_and_is_not_installed_is_told_in_one_line() -> None:
    program = (
        "import sys; sys.modules['ai_edge_litert'] = None\n"
        "import sepzoo\n"
        "try: from sepzoo.shrinking import shrink\n"
        "except sepzoo.SepzooError as error: print(error)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    told = "sepzoo needs ai_edge_litert. Received: it is not installed. Install it: pip install sepzoo."
    assert found.stdout.splitlines() == [told]


def test_a_foreign_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "colorsys", None)
    with pytest.raises(SepzooError, match=r"^sepzoo needs colorsys\."):
        lazy_names("sepzoo", {"rgb_to_hls": "colorsys"})[0]("rgb_to_hls")


def test_a_module_of_its_own_that_is_missing_is_a_fault() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"sepzoo\.no_such_module"):
        lazy_names("sepzoo", {"name": "sepzoo.no_such_module"})[0]("name")
