"""How long `import sepzoo` and the commands that answer at once take, beside Python's own start.

`python benchmarks/start.py` starts each in turns, in a process of its own, and prints median and quartiles of seven
turns, in milliseconds of processor time. `classify` looks at one picture by a `.tflite` file, MobileNetV1 of width 0.25
at 96 x 96, which is written first.
"""

from __future__ import annotations

import functools
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from timing import in_turns, spread

from sepzoo import applications, export

TURNS = 7
COMMAND = "from sepzoo.cli import main; main()"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Python compiles a source once, as it does after any installation, and not at each start."""
LINES = {
    "python -c pass": ["-c", "pass"],
    "import sepzoo": ["-c", "import sepzoo"],
    "sepzoo --help": ["-c", COMMAND, "--help"],
    "sepzoo list": ["-c", COMMAND, "list"],
}


def milliseconds(line: Sequence[str]) -> float:
    """Return the processor time of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *line], env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        network, picture = Path(folder, "network.tflite"), Path(folder, "noise.png")
        model = applications.build("mobilenet_v1", alpha=0.25, input_shape=(96, 96, 3), classes=10)
        export.tflite(model, network, labels=[f"class {number}" for number in range(10)])
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), "uint8")).save(picture)
        lines = {**LINES, "sepzoo classify": ["-c", COMMAND, "classify", str(network), str(picture)]}
        times = in_turns([functools.partial(milliseconds, line) for line in lines.values()], TURNS)
    for name, series in zip(lines, times, strict=True):
        print(f"{name:16}{spread(series, 0):>20}")


if __name__ == "__main__":
    main()
