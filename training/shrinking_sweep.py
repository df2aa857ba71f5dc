"""Files that keep a budget, for all networks, budgets and ways that a list names; and what they answer, in one view.

    python training/shrinking_sweep.py training/shrinking_sweep.yaml [--minutes 60] [--only NETWORK] [--scores FOLDER]
        [--budget kib=50% --budget kib=25%]
    python training/shrinking_sweep.py training/shrinking_sweep.yaml --report

Rows go to the CSV files in `figures/`, as by the two scripts that make them; what can't be had goes, with its reason,
to the one whose name ends in `_refused`. What stands in either isn't made again, so the same command goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from answers import Table

FOLDER = Path(__file__).parent
FILES = (".h5", ".keras", ".npz")
NOT_RUN, REFUSED = "", "-"
RULES = ("evenly", "equal level", "greedy")
SHORT = {"latency_ms": "time", "kib": "bytes", "macs": "MACs"}


@dataclasses.dataclass(frozen=True)
class Network:
    """A network of the list.

    Attributes:
        name: as rows have it.
        script: that makes its rows, in this folder.
        arguments: of the script, before those that each cell has.
        figure: the column that is shown.
    """

    name: str
    script: str
    arguments: list[str]
    figure: str

    def missing(self) -> str | None:
        """Return a file that its arguments name and that isn't there; None: all are."""
        named = (Path(each) for each in self.given() if each.endswith(FILES))
        return next((str(each) for each in named if not each.exists()), None)

    def given(self) -> list[str]:
        """Return its arguments, with what they take from the environment."""
        return [os.path.expandvars(str(each)) for each in self.arguments]

    def command(self, runtime: str, budgets: Sequence[str], ways: Sequence[str], scores: Path | None) -> list[str]:
        """Return what makes the rows of budgets that are all of times, or none."""
        options = ["--runtime", runtime, "--only", ",".join(ways), "--table", str(self.table.path)]
        options += [option for budget in budgets for option in ("--budget", budget)]
        if scores:
            untimed = "" if "latency_ms" in budgets[0] else "_untimed"
            options += ["--scores", str(scores / f"{self.name}_{runtime.replace(':', '_')}{untimed}.json")]
        return [sys.executable, str(FOLDER / self.script), *self.given(), *options]

    @property
    def table(self) -> Table:
        """Its rows."""
        name = self.script.removesuffix(".py").removesuffix("_study")
        return Table((), FOLDER / "figures" / f"{name}.csv")

    def cells(self) -> dict[tuple[str, str, str], str]:
        """Return what is known by runtime, budget and way: a figure, or that there is none to be had."""
        found = {}
        for table, figure in ((self.table.refused(), None), (self.table, self.figure)):
            for row in table.rows():
                if (row["network"], row.get("epochs", "0"), row["seed"]) == (self.name, "0", "0"):
                    key = (row["runtime"], row["budget"], row["way"])
                    found[key] = f"{float(row[figure]):.4f}".removeprefix("0") if figure else REFUSED
        return found


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What the list names."""

    networks: list[Network]
    runtimes: list[str]
    budgets: list[str]
    ways: list[str]

    @classmethod
    def read(cls, path: Path) -> Sweep:
        """Read a list."""
        said: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        networks = [Network(name, **each) for name, each in said.pop("networks").items()]
        return cls(networks, **said)

    def of(self, budget: str) -> list[str]:
        """Return the ways that can keep a budget: rules know one resource, and only times can be had by counts."""
        without = {*(RULES if "," in budget else ()), *(() if "latency_ms" in budget else ("by macs",))}
        return [way for way in self.ways if way not in without]

    def left(self) -> Iterator[tuple[Network, str, list[str], list[str]]]:
        """Yield what isn't known yet, the first runtime of all networks first: budgets that the same ways can keep.

        They share what is measured of a network.
        """
        for runtime, network in itertools.product(self.runtimes, self.networks):
            known = network.cells()
            together: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
            for budget in self.budgets:
                ways = tuple(way for way in self.of(budget) if (runtime, budget, way) not in known)
                if ways:
                    together.setdefault(("latency_ms" in budget, ways), []).append(budget)
            for (_timed, ways), budgets in together.items():
                yield network, runtime, budgets, list(ways)

    def report(self) -> Iterator[str]:
        """Yield a table for each network and runtime of which a row is known, and how much of the list that is."""
        known = 0
        for network, runtime in itertools.product(self.networks, self.runtimes):
            cells = network.cells()
            lines = [[cells.get((runtime, budget, way), NOT_RUN) for budget in self.budgets] for way in self.ways]
            done = sum(cell != NOT_RUN for line in lines for cell in line)
            known += done
            if done:
                firsts = {cells[key] for key in cells if key[0] == runtime and key[2] == "original"}
                yield f"{network.name} {runtime}, {network.figure}, {' or '.join(sorted(firsts))} as it was"
                yield f"{'':12}" + "".join(f"{_short(budget):>12}" for budget in self.budgets)
                yield from (
                    f"{way:12}{''.join(f'{cell:>12}' for cell in line)}".rstrip()
                    for way, line in zip(self.ways, lines, strict=True)
                )
                yield ""
        whole = len(self.networks) * len(self.runtimes) * sum(len(self.of(budget)) for budget in self.budgets)
        yield f"{known:,} of {whole:,} cells; {REFUSED} where no choice keeps the budget, empty where not run"


def _short(budget: str) -> str:
    """Return a budget as a column's head."""
    name, _, share = budget.partition("=")
    return f"{share} {SHORT[name]}" if "," not in budget else "50% of both"


def main() -> None:
    """Make what is missing, or show what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("--report", action="store_true", help="show the tables and make nothing")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after which no further budgets are begun")
    parser.add_argument("--only", default="", help="networks, by commas")
    parser.add_argument("--budget", action="append", help="one of the list's alone; once for each")
    parser.add_argument("--scores", type=Path, help="a folder for what is measured, which other budgets use again")
    given = parser.parse_args()
    sweep = Sweep.read(given.list)
    if given.report:
        print("\n".join(sweep.report()))
        return
    names = [network.name for network in sweep.networks]
    wanted = given.only.split(",") if given.only else names
    if unknown := set(wanted).difference(names):
        parser.error(f"expected --only of {', '.join(names)}. Received: {', '.join(sorted(unknown))}.")
    budgets = given.budget or sweep.budgets
    if unknown := set(budgets).difference(sweep.budgets):
        parser.error(f"expected --budget of {' '.join(sweep.budgets)}. Received: {' '.join(sorted(unknown))}.")
    if given.scores:
        given.scores.mkdir(parents=True, exist_ok=True)
    there = []
    for network in sweep.networks:
        if network.name in wanted and (missing := network.missing()):
            print(f"{network.name}: {missing} isn't there", flush=True)
        elif network.name in wanted:
            there.append(network)
    end = time.monotonic() + 60 * given.minutes
    for network, runtime, together, ways in dataclasses.replace(sweep, networks=there, budgets=budgets).left():
        if time.monotonic() >= end:
            break
        print(f"{network.name} {runtime} {' '.join(together)}: {', '.join(ways)}", flush=True)
        subprocess.run(network.command(runtime, together, ways, given.scores), check=True)


if __name__ == "__main__":
    main()
