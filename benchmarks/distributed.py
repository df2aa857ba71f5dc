"""Images a second of a training in one process and in two, on the CPU of this machine.

`python benchmarks/distributed.py [NAME]` runs `sepzoo train` on digits in turns, by JAX, once alone and once as two
processes over the loopback, and reads the last epoch's figure off the run folders. With two cores both have one thread:
what is compared is one core with two.
"""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import in_turns, ratio, spread

NAME, TURNS = "cifar_mobilenetv1_w1d8_bsconvu", 3
DATA = ("data.train=train[:57%]", "data.validation=train[57%:60%]", "data.test=test[:20%]")  # 820 images to train on
SETTINGS = (*DATA, "model.image_size=16", "epochs=3", "batch_size=164", "export=[]", "model.arguments={}")
ONE_THREAD = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "KERAS_BACKEND": "jax"}


def images_per_second(name: str, processes: int) -> float:
    """Train, and return the last epoch's figure."""
    with socket.socket() as opened:
        opened.bind(("localhost", 0))
        port = opened.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sepzoo", "train", "digits", "--out", f"{folder}/run"]
        command += [part for each in (f"model={name}", *SETTINGS) for part in ("--set", each)]
        if processes > 1:
            command += ["--distribute", "multihost", "--coordinator", f"localhost:{port}"]
            command += ["--processes", str(processes)]
        several = [[*command, *(["--index", str(index)] if processes > 1 else [])] for index in range(processes)]
        environment = {**os.environ, **ONE_THREAD}
        running = [
            subprocess.Popen(each, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for each in several
        ]
        if any(each.wait() for each in running):
            raise SystemExit(f"{processes} processes did not train {name}")
        return json.loads(Path(folder, "run", "metrics.jsonl").read_text().splitlines()[-1])["images_per_second"]


def main() -> None:
    """Print the two figures and their ratio."""
    name = sys.argv[1] if len(sys.argv) > 1 else NAME
    one, two = in_turns([functools.partial(images_per_second, name, count) for count in (1, 2)], TURNS)
    print(f"{name}: one process {spread(one, 0)}, two {spread(two, 0)}, ratio {ratio(two, one):.2f}")


if __name__ == "__main__":
    main()
