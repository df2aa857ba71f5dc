"""How long one image takes in each format that a network can be exported to, on one thread of this machine's CPU.

`python benchmarks/formats.py [NAME] [KEY=VALUE …]` builds a network, writes it in every format, calibrated on noise.
These run in turns: median and quartiles of 15 turns of 20 images each, the median ratio of a turn to that of
`tflite:float32`, and the file's size.
"""

from __future__ import annotations

import functools
import sys
import tempfile
from pathlib import Path

from decoupled import TURNS, milliseconds
from networks import calibrated, noise_for
from timing import in_turns, ratio, spread

from sepzoo import applications, inference
from sepzoo.export import TARGETS, Tolerance, export
from sepzoo.support.overrides import parse_override

NAME = "mobilenet_v1"
SETTINGS = ("alpha=0.25", "input_shape=[96, 96, 3]")
REFERENCE = "tflite:float32"


def main() -> None:
    """Print the table."""
    name, *settings = sys.argv[1:] or (NAME, *SETTINGS)
    network = calibrated(applications.build(name, **dict(map(parse_override, settings))))
    noise = noise_for(network.input_shape[1:])
    names = [REFERENCE, *(target for target in TARGETS if target != REFERENCE)]
    with tempfile.TemporaryDirectory() as folder:
        reports = [
            export(
                network,
                target,
                Path(folder, f"{number}{TARGETS[target].suffix}"),
                calibration=noise if TARGETS[target].calibrated or TARGETS[target].needs_calibration else None,
                check=noise,
                tolerance=Tolerance(),
            )
            for number, target in enumerate(names)
        ]
        files = [inference.open(report.path) for report in reports]
        runs = [functools.partial(milliseconds, file, file.prepare(noise.images[:1])) for file in files]
        times = in_turns(runs, TURNS)
    print(f"{'format':22}{'KiB':>8}{'ms':>24}{'ratio':>8}")
    for target, report, series in zip(names, reports, times, strict=True):
        size = f"{report.size / 1024:,.0f}"
        print(f"{target:22}{size:>8}{spread(series, 2):>24}{ratio(series, times[0]):>8.2f}")


if __name__ == "__main__":
    main()
