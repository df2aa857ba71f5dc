"""Packages that the tests' own extra does not bring: a test that needs one is skipped where it is not installed."""

from __future__ import annotations

from typing import Any

import pytest


def needed(module: str, extra: str) -> Any:
    """Return a module of an optional package, or skip the test, or the file of tests, that asks for it."""
    return pytest.importorskip(module, reason=reason(module.partition(".")[0], extra))


def needed_by(target: str) -> None:
    """Skip the test where a package is not installed that an export target needs."""
    from sepzoo.export.target_names import named

    for package in named(target).packages:
        needed(package, str(named(target).extra))


def reason(package: str, extra: str) -> str:
    """Return why a test is skipped, and what to install; the summary counts the tests by it."""
    return f"{package} is not installed: pip install -e '.[test,{extra}]'"
