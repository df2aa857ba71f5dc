"""A clock that jumps, both ways, at each reading: the same outputs, no negative time, and a broken-off run goes on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability.commands import Command, names
from tests.reliability.conftest import COMMANDS, Unbroken
from tests.reliability.faults import Both, JumpingClock, KilledAtChange
from tests.reliability.forked import run

DAY = 86_400.0
CLOCKS = {"a minute": JumpingClock(1, 60), "ten years": JumpingClock(3, 3650 * DAY)}


@pytest.mark.nightly
@pytest.mark.trial("clock that jumps by up to {clock}: {name}")
@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_clock_that_jumps(
    name: str, clock: str, commands: dict[str, Command], unbroken: Callable[[str], Unbroken], tmp_path: Path
) -> None:
    command, whole = commands[name], unbroken(name)
    place = command.work(tmp_path / "work")
    run(command.line, place, fault=Both(CLOCKS[clock], KilledAtChange(whole.changes // 2)))
    done = run(command.line, place, fault=CLOCKS[clock])
    assert done.code == command.code, done.err
    assert "Traceback" not in done.err
    assert "-" not in "".join(word for word in done.err.split() if ":" in word and word[-1].isdigit())  # times left
    assert command.contents(place) == whole.contents
    assert names(place) == whole.names


@pytest.mark.nightly
@pytest.mark.trial("clock near 1970: {name}")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_clock_that_has_lost_its_battery(
    name: str, commands: dict[str, Command], unbroken: Callable[[str], Unbroken], tmp_path: Path
) -> None:
    """Archives of the zip format begin in 1980: one line says so before the work, and nothing is written."""
    command, whole = commands[name], unbroken(name)
    place = command.work(tmp_path / "work")
    before, there = command.contents(place), names(place)
    done = run(command.line, place, fault=JumpingClock(4, DAY, start=2 * DAY))
    if name in ("train", "rewrite"):
        assert done.code == 2
        assert re.fullmatch(r"error: expected a clock that shows 1980 or later, .* Set the clock\.\n", done.err)
        assert (command.contents(place), names(place)) == (before, there)
        done = run(command.line, place)
    assert done.code == command.code, done.err
    assert command.contents(place) == whole.contents
