"""What the commands do when nothing befalls them, and the table of what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.reliability.commands import Command, names, write_all
from tests.reliability.faults import KilledAtChange
from tests.reliability.forked import run

COMMANDS = ("train", "export", "rewrite", "folder")


@dataclass(frozen=True)
class Unbroken:
    """A command that nothing befell: what it wrote, in how many bytes and seconds, and by how many changes of files."""

    contents: dict[str, Any]
    names: set[str]
    bytes: int
    seconds: float
    changes: int


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Command]:
    return write_all(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="session")
def unbroken(commands: dict[str, Command], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Unbroken]:
    """Return what a command does when nothing befalls it; each runs once."""
    known: dict[str, Unbroken] = {}

    def ran(name: str) -> Unbroken:
        if name not in known:
            command, counted = commands[name], tmp_path_factory.mktemp("counted") / "changes"
            place = command.work(tmp_path_factory.mktemp("unbroken") / "work")
            done = run(command.line, place, fault=KilledAtChange(-1, counted))
            assert done.code == command.code, done.err
            assert set(command.contents(place)) == set(command.outputs)
            size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
            known[name] = Unbroken(command.contents(place), names(place), size, done.seconds, int(counted.read_text()))
        return known[name]

    return ran


class Tally:
    """Rows of the table in docs/reliability.md: what was done, how often, how often it went well."""

    def __init__(self) -> None:
        self.rows: dict[str, list[int]] = {}
        self.notes: dict[str, list[str]] = {}

    def went_well(self, what: str, well: bool, note: str = "") -> None:
        """Count a trial."""
        row = self.rows.setdefault(what, [0, 0])
        row[0] += well
        row[1] += 1
        if note:
            self.notes.setdefault(what, []).append(note)


TALLY = Tally()


@pytest.fixture(scope="session")
def tally() -> Tally:
    return TALLY


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Count each trial by its marker."""
    outcome = yield
    report = outcome.get_result()
    marker = item.get_closest_marker("trial")
    if marker is not None and (report.when == "call" or (report.when == "setup" and report.failed)):
        values = getattr(item, "callspec", None)
        what = marker.args[0].format(**({} if values is None else values.params))
        note = dict(item.user_properties).get("note", "")
        TALLY.went_well(what, report.passed, str(note))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table for docs/reliability.md."""
    if not TALLY.rows:
        return
    import keras
    import tensorflow

    terminalreporter.section("for docs/reliability.md")
    versions = f"Keras {keras.__version__}, TensorFlow {tensorflow.__version__}"
    terminalreporter.line(f"{time.strftime('%Y-%m-%d')}, {versions}")
    terminalreporter.line("| what | went well | seen |")
    terminalreporter.line("|---|---|---|")
    for what, (well, count) in TALLY.rows.items():
        notes = TALLY.notes.get(what, [])
        seen = "; ".join(f"{notes.count(note)} {note}" for note in sorted(set(notes)))
        terminalreporter.line(f"| {what} | {well:,} of {count:,} | {seen} |")
