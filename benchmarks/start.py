"""How long `import sepzoo` and the commands that answer at once take, beside Python's own start.

`python benchmarks/start.py` starts each in turns, in a process of its own, and prints median and quartiles of seven
turns, in milliseconds of processor time.
"""

from __future__ import annotations

import functools
import resource
import subprocess
import sys
from collections.abc import Sequence

from timing import in_turns, spread

TURNS = 7
COMMAND = "from sepzoo.cli import main; main()"
LINES = {
    "python -c pass": ["-c", "pass"],
    "import sepzoo": ["-c", "import sepzoo"],
    "sepzoo --help": ["-c", COMMAND, "--help"],
    "sepzoo list": ["-c", COMMAND, "list"],
}


def milliseconds(line: Sequence[str]) -> float:
    """Return the processor time of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *line], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Print the table."""
    times = in_turns([functools.partial(milliseconds, line) for line in LINES.values()], TURNS)
    for name, series in zip(LINES, times, strict=True):
        print(f"{name:16}{spread(series, 0):>20}")


if __name__ == "__main__":
    main()
