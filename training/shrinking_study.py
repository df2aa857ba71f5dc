"""A network of others made to fit a budget without training: all techniques in one solve, each alone, and older ways.

    python training/shrinking_study.py MODEL --budget macs=50% [--only all,decouple] [--scores FILE]

All are fitted to the same training images, and their files answer the test images; errors are of paired answers.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

import sepzoo
from sepzoo.artifact import model_file
from sepzoo.data import Samples, draw_samples, open_source
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.shrinking import Budget, shrink

PIXELS = Preprocessing(mean=(0.0,), std=(1.0,), crop_fraction=1.0)
ALONE = ("decouple", "bsconv", "spatial", "lowrank", "channels")
OLDER = ("decouple macs", "channels evenly")


def older(name: str, model: keras.Model, share: float, samples: Samples) -> keras.Model:
    """Return what one surgery makes of a network for a share of its multiply-accumulates."""
    if name == OLDER[0]:
        return sepzoo.surgery.decouple(model, macs=share, data=samples)[0]
    return sepzoo.surgery.prune_channels(model, macs=share, allocation="uniform", multiple_of=8, data=samples)[0]


def right_answers(path: Path, test: Samples) -> np.ndarray:
    """Return for each test image whether a file names its class."""
    return sepzoo.inference.open(path).predict(test.images).argmax(axis=1) == test.labels


def files(options: argparse.Namespace, model: keras.Model, samples: Samples, folder: Path) -> Iterator[tuple]:
    """Yield (what, its file, its costs, expected divergence) for each way to keep the budget."""
    resource, limit = options.budget.split("=")
    budget = Budget(**{resource: limit})
    for name in options.only.split(","):
        path = folder / f"{name}.tflite"
        if name in OLDER:
            network = older(name, model, float(limit.removesuffix("%")) / 100, samples)
            report = sepzoo.export.export(network, options.runtime, path, calibration=samples, preprocessing=PIXELS)
            yield name, path, sepzoo.analysis.profile(network).macs, report.size / 1024, None
            continue
        techniques = (*ALONE, "smaller") if name == "all" else (name,)
        settings = {"runtime": options.runtime, "scores": options.scores, "out": path, "techniques": techniques}
        try:
            _network, report = shrink(model, budget=budget, samples=samples, **settings)
        except sepzoo.SepzooError as error:
            print(f"{name}: {error}", flush=True)
            continue
        print(report if name == "all" else "", flush=True)
        yield name, path, report.measured["macs"], report.measured["kib"], report.expected


def main() -> None:
    """Print a row for each way, the original's file first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--budget", default="macs=50%")
    parser.add_argument("--runtime", default="tflite:int8")
    parser.add_argument("--only", default=",".join(("all", *ALONE, *OLDER)))
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--data", default="cifar10")
    options = parser.parse_args()
    model = model_file.load(Path(options.model))
    model_file.attach(model, Metadata(model.name, preprocessing=PIXELS))
    _batch, *size, channels = model.input_shape
    train, held = (
        open_source(options.data, split=split, image_size=tuple(size), channels=channels) for split in ("train", "test")
    )
    samples = dataclasses.replace(draw_samples(train, options.samples, 0), labels=None)
    test = draw_samples(held, 10_000, 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = sepzoo.export.export(model, options.runtime, folder / "plain.tflite", calibration=samples)
        before = right_answers(plain.path, test)
        macs = sepzoo.analysis.profile(model).macs
        print(f"original  {macs:,} MACs, {plain.size / 1024:.1f} KiB, accuracy {before.mean():.4f}", flush=True)
        for what, path, cost, kib, expected in files(options, model, samples, folder):
            now = right_answers(path, test)
            error = (now * 1.0 - before).std() / math.sqrt(len(now))
            told = "" if expected is None else f", expected KL {expected:.3f}"
            change = f"{now.mean():.4f} ({now.mean() - before.mean():+.4f} ± {error:.4f})"
            print(f"{what}  {cost:,.0f} MACs ({cost / macs:.3f}), {kib:.1f} KiB, accuracy {change}{told}", flush=True)


if __name__ == "__main__":
    main()
