"""MobileNetV1 with ImageNet's weights made to fit a budget, without training; its files answer photographs.

    python training/shrinking_photographs.py WEIGHTS PHOTOGRAPHS --alpha 0.25 --budget latency_ms=50% [--table rows.csv]

WEIGHTS is the official Keras file, or an .npz of its arrays; the name of a photograph begins with the four digits of
its class. The seed draws 200 of them to fit to and 100 to compare choices on; the others are answered. `same` is the
share with the answer of the float network, `kl` the divergence from it in nats, each with the standard error of a mean.
A row that stands in the table is not made again; what can't be had stands in the one whose name ends in `_refused`.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path

import numpy as np
from answers import Table, figure
from shrinking_ways import WAYS, Work

import sepzoo
from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export.comparison import kl_divergence
from sepzoo.inference.keras_model import from_model

FITTED, COMPARED = 200, 100
COLUMNS = ("network", "runtime", "budget", "seed", "way", "macs", "kib", "ms", "expected", "accuracy")
COLUMNS += ("same", "same_error", "kl", "kl_error")


def mean(values: np.ndarray) -> list[str]:
    """Return the mean of values and its standard error, as the table has them."""
    return [f"{each:.4f}" for each in (values.mean(), values.std() / math.sqrt(len(values)))]


def answered(path: Path, check: Samples, right: np.ndarray) -> list[str]:
    """Return what a file answers of samples: accuracy, and how often and how far it is with the float network."""
    found = np.asarray(inference.open(path).predict(check.images))
    top = found.argmax(axis=1)
    divergences = np.array([kl_divergence(*pair) for pair in zip(right[:, None], found[:, None], strict=True)])
    return [f"{(top == check.labels).mean():.4f}", *mean((top == right.argmax(axis=1)) * 1.0), *mean(divergences)]


def main() -> None:
    """Print a row for each way, the original's file first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--alpha", type=float, default=0.25)
    parser.add_argument("--size", type=int, default=224, help="of the network's input")
    parser.add_argument("--budget", action="append", help="latency_ms=50%% by default; once for each")
    parser.add_argument("--runtime", default="tflite:float32")
    parser.add_argument("--only", default="all,lowrank,channels", help=f"of {', '.join(WAYS)}")
    parser.add_argument("--seed", type=int, default=0)
    for name in ("--scores", "--table"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    shape = (given.size, given.size, 3)
    model = sepzoo.applications.build("mobilenet_v1", alpha=given.alpha, weights=given.weights, input_shape=shape)
    classifier, files = from_model(model), sorted(given.photographs.iterdir())
    order = np.random.default_rng(given.seed).permutation(len(files))
    images, labels = classifier.pixels(files)[order], np.array([int(file.name[:4]) for file in files])[order]
    drawn = Samples(images, None, origin="photographs", seed=given.seed)
    samples, compare = drawn.taken(slice(FITTED)), drawn.taken(slice(FITTED, FITTED + COMPARED))
    left = slice(FITTED + COMPARED, None)
    check = Samples(images[left], labels[left], origin="photographs", seed=given.seed)
    right = np.asarray(classifier.predict(check.images))
    table = Table(COLUMNS, given.table)
    with (
        Work(model, given.runtime, samples, compare, given.scores) as work,
        tempfile.TemporaryDirectory() as folder,
    ):
        for budget in given.budget or ["latency_ms=50%"]:
            cells = (f"mobilenet_v1_{given.alpha:g}", given.runtime, budget, str(given.seed))
            own = dict(zip(COLUMNS, cells, strict=False))
            ways = dict.fromkeys(["original", *given.only.split(",")])
            left = [way for way in ways if not table.has(**own, way=way)]
            for way, path, costs in work.files(
                left, budget, Path(folder), lambda way, reason, own=own: table.refuse(reason, **own, way=way)
            ):
                cells = (*own.values(), way, *map(figure, costs), *answered(path, check, right))
                table.add(dict(zip(COLUMNS, cells, strict=True)))


if __name__ == "__main__":
    main()
