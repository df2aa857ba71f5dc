"""Files that are read while the process that will load them still starts."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from sepzoo.artifact.inspection import asked_ahead, check, checking
from sepzoo.support.child import Child, ChildError
from sepzoo.support.errors import SepzooError

OBJECT = np.array([{"a": 1}], dtype=object)


def whole(path: Path) -> Path:
    np.savez(path, kernel=np.ones((3, 4), "float32"))
    return path


def hostile(path: Path) -> Path:
    with path.open("wb") as file:
        np.savez(file, kernel=OBJECT)
    return path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Child]:
    """The processes that were started."""
    found: list[Child] = []
    begin = checking._started

    def counted() -> Child:
        found.append(begin())
        return found[-1]

    monkeypatch.setattr(checking, "_started", counted)
    monkeypatch.setattr(checking, "_CHILD", type(checking._CHILD)("none", default=None))  # that tests share
    return found


def test_the_answer_is_waited_for_and_no_other_process_asked(tmp_path: Path, started: list[Child]) -> None:
    path = whole(tmp_path / "w.npz")
    with asked_ahead(path):
        check(os.path.relpath(path))  # under another name
        assert len(started) == 1
        check(path)
    assert len(started) == 1
    assert started[0].closed


def test_it_refuses_what_is_refused_otherwise(tmp_path: Path, started: list[Child]) -> None:
    path = hostile(tmp_path / "w.npz")
    with asked_ahead(path), pytest.raises(SepzooError) as ahead:
        check(path)
    with pytest.raises(SepzooError) as alone:
        check(path)
    assert str(ahead.value) == str(alone.value)
    assert len(started) == 2


def test_a_file_that_has_changed_is_read_anew(tmp_path: Path, started: list[Child]) -> None:
    path = whole(tmp_path / "w.npz")
    with asked_ahead(path):
        hostile(tmp_path / "other.npz").replace(path)
        with pytest.raises(SepzooError, match=r"w\.npz: the file is damaged or another thing than its name says"):
            check(path)
    assert len(started) == 2
    assert all(child.closed for child in started)


def test_what_is_not_there_or_cannot_be_asked_is_left_to_the_check(
    tmp_path: Path, started: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    with asked_ahead(tmp_path / "gone.npz"):
        assert started == []
    path = whole(tmp_path / "w.npz")

    def fails() -> Child:
        raise ChildError("could not start (no)")

    monkeypatch.setattr(checking, "_started", fails)
    with (
        asked_ahead(path),
        pytest.raises(SepzooError, match=r"whose checking process could not start \(no\)\. It was not loaded"),
    ):
        check(path)


def test_a_process_that_nobody_waited_for_ends_with_the_block(tmp_path: Path, started: list[Child]) -> None:
    with asked_ahead(hostile(tmp_path / "a.npz")):
        check(whole(tmp_path / "b.npz"))  # another file
        assert len(started) == 2
    assert all(child.closed for child in started)
