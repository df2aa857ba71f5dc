"""SIGKILL at a random moment: what was there before stays whole, and the same command again ends as an unbroken one."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability.commands import Command, names
from tests.reliability.conftest import COMMANDS, Unbroken
from tests.reliability.faults import KilledAtChange
from tests.reliability.forked import run

KILLS = 20
IN_CI = {"folder": 3, "rewrite": 1}  # tests/training has train's own


def trials() -> list[object]:
    return [
        pytest.param(name, seed, marks=pytest.mark.slow if seed < IN_CI.get(name, 0) else pytest.mark.nightly)
        for name in COMMANDS
        for seed in range(KILLS)
    ]


@pytest.mark.trial("SIGKILL: {name}")
@pytest.mark.parametrize(("name", "seed"), trials())
def test_killed_and_done_again(
    name: str,
    seed: int,
    commands: dict[str, Command],
    unbroken: Callable[[str], Unbroken],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Even seeds kill at a moment of the clock, odd ones before a change of a file or folder."""
    command, whole = commands[name], unbroken(name)
    place, chance = command.work(tmp_path / "work"), random.Random(f"{name} {seed}")
    before = command.contents(place)
    if seed % 2:
        number = chance.randint(1, whole.changes)
        killed = run(command.line, place, fault=KilledAtChange(number))
    else:
        after = chance.uniform(0.1, 0.7) * whole.seconds
        killed = run(command.line, place, after=after)
        while killed.code == command.code:  # it was faster than the unbroken one: sooner, then
            shutil.rmtree(place)
            after, place = after / 2, command.work(tmp_path / "work")
            killed = run(command.line, place, after=after)
    assert killed.code == -signal.SIGKILL, killed.err
    for output, content in command.contents(place).items():
        assert name == "train" or content in (before.get(output), whole.contents[output]), output
    again = run(command.line, place)
    assert again.code == command.code, again.err
    assert command.contents(place) == whole.contents
    assert names(place) == whole.names
    record_property("note", "by the clock" if seed % 2 == 0 else "before a change of files")
