"""Signals to stop, at a random moment: tidied up at once, one line, and the same command goes on."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability.commands import Command, names
from tests.reliability.conftest import COMMANDS, Unbroken
from tests.reliability.forked import run

TIMES = 1  # of each signal and command
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def trials() -> list[object]:
    return [
        pytest.param(
            name, number, seed, marks=pytest.mark.slow if (name, seed) == ("folder", 0) else pytest.mark.nightly
        )
        for name in COMMANDS
        for number in SIGNALS
        for seed in range(TIMES)
    ]


@pytest.mark.trial("{number.name}: {name}")
@pytest.mark.parametrize(("name", "number", "seed"), trials())
def test_stopped_and_done_again(
    name: str,
    number: signal.Signals,
    seed: int,
    commands: dict[str, Command],
    unbroken: Callable[[str], Unbroken],
    tmp_path: Path,
) -> None:
    command, whole = commands[name], unbroken(name)
    place = command.work(tmp_path / "work")
    before, there = command.contents(place), names(place)
    after = random.Random(f"{name} {number} {seed}").uniform(0.35, 0.7) * whole.seconds
    stopped = run(command.line, place, stop=number, after=after)
    for _ in range(6):  # it was faster than the unbroken one, or had not begun: sooner or later, then
        if stopped.code not in (command.code, -number):
            break
        shutil.rmtree(place)
        after = min(after, stopped.seconds) * (0.7 if stopped.code == command.code else 1.3)
        place = command.work(tmp_path / "work")
        stopped = run(command.line, place, stop=number, after=after)
    assert stopped.code == 128 + number, (stopped.code, stopped.err)
    assert "Traceback" not in stopped.err
    assert "Exception ignored" not in stopped.err
    *said, last = stopped.err.strip().splitlines()
    assert last == "interrupted"
    unfinished = command.contents(place) != whole.contents  # else it was stopped behind its last step
    if name in ("train", "folder") and said and unfinished:
        assert "the same command goes on from there" in said[-1]
    for output, content in command.contents(place).items():
        assert name == "train" or content in (before.get(output), whole.contents[output]), output
    assert names(place) <= there | whole.names | {".out.csv.answers"}  # nothing temporary
    again = run(command.line, place)
    assert again.code == command.code, again.err
    assert command.contents(place) == whole.contents
    assert names(place) == whole.names
