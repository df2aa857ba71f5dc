"""Training and inference on a GPU: networks here on JAX beside those of timm and bsconv on PyTorch.

`KERAS_BACKEND=jax python benchmarks/gpu.py [NETWORK …] [--rows FILE]` prints images a second of each network in
float32 (with the matrix units' short numbers, as JAX does by itself and PyTorch is told to) and in bfloat16: training
steps by SGD on images that lie on the device, and inference at a batch of 1, whose answer is waited for, of 32 and of
256. PyTorch runs in channels last, eagerly and by `torch.compile`; JAX as `on_device: true` trains, with XLA's own
depthwise convolutions and with shifted products. Above it stands what the card itself was measured to do.

What is timed of a network compiles side by side, each number type and framework in a process of its own, since that
takes minutes; then they are timed one after another. `--rows` keeps what was measured, as `gpu_h200.jsonl` does for
docs/performance.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import gpu_sides

from sepzoo.support.exit_status import why_ended


@dataclasses.dataclass(frozen=True)
class Network:
    """A network under both names, and how many images a training step takes."""

    name: str
    pytorch: str
    batch: int
    classes: int = 1000


NETWORKS = (
    Network("mobilenet_v1", "timm:mobilenetv1_100", 128),
    Network("mobilenet_v2", "timm:mobilenetv2_100", 128),
    Network("xception", "timm:legacy_xception", 32),
    Network("cifar_mobilenetv1_w1d4", "bsconv:cifar_mobilenetv1_w1d4", 128, 10),
    Network("cifar_mobilenetv1_w1d4_bsconvu", "bsconv:cifar_mobilenetv1_w1d4_bsconvu", 128, 10),
)
DTYPES = ("float32", "bfloat16")
SIDES = ("jax", "pytorch")
INFERENCE = (1, 32, 256)
TURNS, SECONDS = 5, 0.2
PATIENCE = 600.0  # seconds until what has not compiled is left out


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of one network: images a second, median and extremes of the turns."""

    network: str
    dtype: str
    variant: str
    what: str
    batch: int
    median: float
    least: float
    most: float


def measured(run: Callable[[], int]) -> tuple[float, float, float]:
    """Return images a second of something that returns how many it has seen, each turn some tenths of a second."""
    speeds = []
    for _ in range(TURNS):
        images, start = 0, time.perf_counter()
        while (seconds := time.perf_counter() - start) < SECONDS:
            images += run()
        speeds.append(images / seconds)
    return statistics.median(speeds), min(speeds), max(speeds)


def one(network: Network, dtype: str, side: str, meeting: Path) -> None:
    """Compile all that is measured of a network on one side, wait for all others, measure."""
    jobs, failed = [], None
    try:
        for job in (gpu_sides.jax_jobs if side == "jax" else gpu_sides.pytorch_jobs)(network, dtype, INFERENCE):
            jobs.append(job)
    except Exception as error:  # what compiled before is measured all the same
        failed = error
    (meeting / f"{network.name}-{dtype}-{side}.ready").touch()
    while not (meeting / "go").exists():
        time.sleep(0.1)
    with (meeting / "turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for variant, what, batch, run in jobs:
            run()
            row = Row(network.name, dtype, variant, what, batch, *measured(run))
            print(json.dumps(dataclasses.asdict(row)), flush=True)
    if failed is not None:
        raise failed


def rows_of(network: Network, sides: Sequence[str], folder: Path) -> Iterator[Row]:
    """Start a network's processes, let them begin once all are ready, and yield what they say."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TORCHINDUCTOR_COMPILE_THREADS": "4",
    }
    children = {}
    for dtype, side in itertools.product(DTYPES, sides):
        name = f"{network.name}-{dtype}-{side}"
        command = [sys.executable, __file__, "--one", network.name, dtype, side, str(folder)]
        with (folder / f"{name}.out").open("w") as out, (folder / f"{name}.err").open("w") as err:
            children[name] = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
    start, late = time.monotonic(), []
    while waiting := [
        name for name, child in children.items() if child.poll() is None and not (folder / f"{name}.ready").exists()
    ]:
        if time.monotonic() - start > PATIENCE:
            for name in waiting:
                children[name].kill()
                late.append(children[name])
                print(f"{name}: left out, it had not compiled after {PATIENCE:.0f} s", file=sys.stderr)
            break
        time.sleep(0.2)
    print(f"compiled after {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    (folder / "go").touch()
    for name, child in children.items():
        if child.wait() and child not in late:
            why = why_ended(child.returncode, (folder / f"{name}.err").read_text())
            print(f"{name}: {why[:300]}", file=sys.stderr, flush=True)
        for line in (folder / f"{name}.out").read_text().splitlines():
            yield Row(**json.loads(line))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", default=[network.name for network in NETWORKS])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--rows", type=Path, help="a file that all rows are added to, as JSON lines")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    known = {network.name: network for network in NETWORKS}
    if options.one:
        name, dtype, side, folder = options.one
        one(known[name], dtype, side, Path(folder))
        return
    rows = []
    for name in options.networks:
        with tempfile.TemporaryDirectory() as folder:
            rows += rows_of(known[name], options.sides, Path(folder))
    if options.rows:
        with options.rows.open("a") as file:
            file.writelines(json.dumps(dataclasses.asdict(row)) + "\n" for row in rows)
    print("; ".join(gpu_sides.peaks()))
    print(f"{'network':32}{'type':10}{'what':22}{'variant':20}{'images/s':>12}   least … most")
    for row in sorted(rows, key=lambda row: (row.network, row.dtype, row.what, row.batch, row.variant)):
        what = f"{row.what}, batch {row.batch}"
        spread = f"{row.least:,.0f} … {row.most:,.0f}"
        print(f"{row.network:32}{row.dtype:10}{what:22}{row.variant:20}{row.median:>12,.0f}   {spread}")


if __name__ == "__main__":
    main()
