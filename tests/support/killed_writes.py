"""A program: write a file or a folder, killed before each change in turn, then once more; print what was found."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sepzoo.support import workspace
from sepzoo.support.atomic import atomic_write
from tests.reliability.faults import KilledAtChange


def write(target: Path, text: str, *, folder: bool) -> None:
    """Write an output whose parts all hold the same text."""
    with atomic_write(target, folder=folder) as temporary:
        if folder:
            temporary.mkdir()
        for name in ("one", "two") if folder else ("",):
            (temporary / name).write_text(text, encoding="ascii")


def found(target: Path) -> str:
    """Return `old` or `new` where the output is whole, else what there is."""
    parts = [target / "one", target / "two"] if target.is_dir() else [target]
    texts = {part.read_text(encoding="ascii") if part.exists() else "missing" for part in parts}
    return texts.pop() if len(texts) == 1 else f"mixed: {texts}"


def main(place: Path, *, folder: bool, exchange: bool) -> None:
    """Kill the writing before its first change, its second one, … until it ends."""
    if not exchange:
        workspace._exchanged = lambda one, other: False
    results = []
    for number in range(1, 100):
        home = place / str(number)
        home.mkdir()
        target = home / "target"
        write(target, "old", folder=folder)
        child = os.fork()
        if child == 0:
            KilledAtChange(number)()
            write(target, "new", folder=folder)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        after = found(target)
        write(home / "other", "new", folder=folder)  # any writing sweeps
        swept = [path.name for path in home.iterdir() if path.name not in ("target", "other")]
        results.append({"after": after, "next": found(target), "left": swept})
        if os.waitstatus_to_exitcode(status) == 0:
            break
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), folder=sys.argv[2] == "folder", exchange=sys.argv[3] == "exchange")
