"""Progress: nothing where it is quick, how many are done and how long the rest takes where it is not."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import pytest

from sepzoo.support.progress import PATIENCE, announced, counted, time_left
from sepzoo.support.quiet import quiet


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("sepzoo.support.progress.time.monotonic", clock)
    return clock


def test_what_is_quick_says_nothing(clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    found = []
    for item in counted(range(100), 100, "pictures"):
        clock.now += PATIENCE / 101
        found.append(item)
    assert found == list(range(100))
    assert capfd.readouterr() == ("", "")


def test_every_few_seconds_a_line(clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    """A second for each of 3,600 pictures."""
    for _ in counted(range(12), 3600, "pictures"):
        clock.now += 1
    assert capfd.readouterr().err.splitlines() == [
        "5 of 3,600 pictures, about 59:55 left",
        "10 of 3,600 pictures, about 59:50 left",
    ]


def test_items_are_taken_one_by_one(clock: Clock) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(3):
            taken.append(number)
            yield number

    for item in counted(items(), 3, "letters"):
        assert taken[-1] == item


@pytest.mark.parametrize(
    ("total", "done", "seconds", "text"),
    [
        (6, 0, 50, ""),
        (6, 1, 12, ", about 1:00 left"),
        (6, 6, 60, ", about 0:00 left"),
        (100, 1, 61, ", about 100:39 left"),
    ],
)
def test_the_time_left(clock: Clock, total: int, done: int, seconds: float, text: str) -> None:
    left = time_left(total)
    clock.now += seconds
    assert left(done) == text


def test_an_announcement_comes_once_patience_ends(capfd: pytest.CaptureFixture[str]) -> None:
    with announced("at work", patience=0.01):
        time.sleep(0.2)
    with announced("done at once", patience=60):
        pass
    assert capfd.readouterr() == ("", "at work\n")


def test_an_announcement_comes_through_silence(capfd: pytest.CaptureFixture[str]) -> None:
    with announced("converting", patience=0.01), quiet():
        os.write(2, b"noise\n")
        time.sleep(0.2)
    assert capfd.readouterr().err == "converting\n"


def test_lines_come_out_of_silence_and_out_of_two(clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    with quiet() as outer:
        for _ in counted(range(6), 6, "batches"):
            clock.now += 1
        with quiet() as inner, announced("converting", patience=0.01):
            os.write(2, b"noise\n")
            time.sleep(0.2)
    assert capfd.readouterr().err == "5 of 6 batches, about 0:01 left\nconverting\n"
    assert (outer.text, inner.text) == ("", "noise\n")


def test_an_error_ends_the_announcement(capfd: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(ZeroDivisionError), announced("never", patience=0.05):
        raise ZeroDivisionError
    time.sleep(0.1)
    assert capfd.readouterr().err == ""
