"""Disks that are full or read-only: one line, what was there before is whole, and nothing half-written stays."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability.commands import Command, names
from tests.reliability.conftest import COMMANDS, Unbroken
from tests.reliability.disks import mounted
from tests.reliability.faults import FileLimit
from tests.reliability.forked import Done, run

DISKS = 5  # of each command
ANSWERS = ".out.csv.answers"
"""From which the folder program goes on; it stays."""


def check_refused(done: Done, reason: str) -> None:
    """See that a command ended in one line that names the reason."""
    assert done.code in (1, 2), (done.code, done.err)
    assert "Traceback" not in done.err
    *progress, last = done.err.strip().splitlines()
    assert last.startswith("error: "), done.err
    assert reason in last, done.err
    assert not any(line.startswith("error") for line in progress)


def check_whole(command: Command, place: Path, before: dict[str, object], whole: Unbroken, there: set[str]) -> None:
    """See that each output is the old one or the new one, and that nothing else has come."""
    for output, content in command.contents(place).items():
        assert command.name == "train" or content in (before.get(output), whole.contents[output]), output
    came = names(place) - there - {ANSWERS}
    assert came <= whole.names, came


@pytest.mark.nightly
@pytest.mark.trial("full disk: {name}")
@pytest.mark.parametrize("seed", range(DISKS))
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(
    name: str,
    seed: int,
    commands: dict[str, Command],
    unbroken: Callable[[str], Unbroken],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """What was there fits, and some of what comes."""
    command, whole = commands[name], unbroken(name)
    there = sum(size(path) for path in command.before.values())
    room = random.Random(f"{name} {seed}").randint(0, int(0.95 * whole.bytes)) + 4096
    with contextlib.contextmanager(mounted)(tmp_path, there + room) as disk:
        command.work(disk.place)
        before, old = command.contents(disk.place), names(disk.place)
        done = run(command.line, disk.place)
        check_refused(done, "No space left on device")
        check_whole(command, disk.place, before, whole, old)
        record_property("note", f"with {room / 1024:,.0f} KiB of room")
        disk.remount("size=1g")
        again = run(command.line, disk.place)
        assert again.code == command.code, again.err
        assert command.contents(disk.place) == whole.contents
        assert names(disk.place) == whole.names


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rewrite", "folder"])
def test_files_that_may_not_grow(
    name: str, commands: dict[str, Command], unbroken: Callable[[str], Unbroken], tmp_path: Path
) -> None:
    """The same without a disk of its own: a limit on the size of files, within which neither file fits."""
    command, whole = commands[name], unbroken(name)
    place = command.work(tmp_path / "work")
    before, there = command.contents(place), names(place)
    limit = random.Random(name).randint(1, min(size(place / output) for output in command.outputs) // 2)
    check_refused(run(command.line, place, fault=FileLimit(limit)), "File too large")
    check_whole(command, place, before, whole, there)


@pytest.mark.nightly
@pytest.mark.trial("read-only folder: {name}")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_only_folder(
    name: str, commands: dict[str, Command], unbroken: Callable[[str], Unbroken], tmp_path: Path
) -> None:
    command, whole = commands[name], unbroken(name)
    with contextlib.contextmanager(mounted)(tmp_path, 2**28) as disk:
        command.work(disk.place)
        before, there = command.contents(disk.place), names(disk.place)
        disk.remount("ro")
        done = run(command.line, disk.place)
        check_refused(done, "Read-only file system")
        assert done.err.count("\n") == 1  # before the work begins
        assert done.code == 2
        check_whole(command, disk.place, before, whole, there)
        assert names(disk.place) == there


def size(path: Path) -> int:
    """Return the bytes of a file or of all files in a folder, in pages."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(-(-file.stat().st_size // 4096) * 4096 for file in files)
