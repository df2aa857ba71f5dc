"""One process checks the files of all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sepzoo.artifact.inspection import one_child


@pytest.fixture(scope="package", autouse=True)
def _one_child() -> Iterator[None]:
    with one_child():
        yield
