"""A network of others made to fit a budget: all techniques in one solve, each alone, and by other rules.

    python training/shrinking_study.py MODEL --budget macs=50% [--budget macs=25%] [--only all,decouple] [--scores FILE]
        [--table rows.csv]

All are fitted to the same training images, which the seed draws, and their files answer the test images, or those of
validation where there is no test split; errors are of paired answers. A row that stands in the table is not made again,
and what can't be had stands with its reason in the one whose name ends in `_refused`.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import tempfile
from pathlib import Path

import keras
import numpy as np
from answers import Table, figure, right_answers
from shrinking_ways import WAYS, Costs, Work

from sepzoo.artifact import model_file
from sepzoo.data import choose_splits, draw_samples, open_source, split_names
from sepzoo.data.source import Source
from sepzoo.inference.feature_splits import open_feature_split
from sepzoo.inference.features import names_features
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import AS_THEY_ARE

OWN = ("network", "runtime", "budget", "epochs", "seed")
COLUMNS = (*OWN, "way", "macs", "kib", "ms", "expected", "accuracy", "change", "error")


def opened(data: str, model: keras.Model) -> tuple[Source, Source]:
    """Return what is fitted to and what is answered: files of features, or images as a network takes them."""
    if names_features(Path(data)):
        train, held = (open_feature_split(data, split=split) for split in ("train", "test"))
        return train, held
    said = model_file.metadata_of(model)
    if said is None or said.preprocessing is None:
        model_file.attach(model, Metadata(model.name, preprocessing=AS_THEY_ARE))
    source = {"image_size": tuple(model.input_shape[1:3]), "channels": model.input_shape[3]}
    splits = choose_splits(split_names(data))
    names = ("train", "test") if splits.test else (splits.train, splits.validation)
    train, held = (open_source(data, split=split, **source) for split in names)
    return train, held


def row(own: dict[str, str], way: str, costs: Costs, now: np.ndarray, before: np.ndarray) -> dict[str, str]:
    """Return the row of a way: what its file costs, and which images it answers right beside the original's."""
    figures = [*map(figure, costs), *(f"{each:.4f}" for each in (now.mean(), now.mean() - before.mean()))]
    figures.append(f"{(now * 1.0 - before).std() / math.sqrt(len(now)):.4f}")
    return dict(zip(COLUMNS, (*own.values(), way, *figures), strict=True))


def main() -> None:
    """Print a row for each way, the original's file first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--budget", action="append", help="macs=50%% by default; once for each")
    parser.add_argument("--runtime", default="tflite:int8")
    parser.add_argument("--only", default=",".join(WAYS), help=f"of {', '.join(WAYS)}, narrower")
    parser.add_argument("--narrower", type=Path, help="a trained network, for the way of that name")
    for name in ("--distil", "--seed"):
        parser.add_argument(name, type=int, default=0)
    for name, count in (("--samples", 500), ("--compare", 1_024), ("--lessons", 45_000), ("--test", 10_000)):
        parser.add_argument(name, type=int, default=count)
    for name in ("--scores", "--table"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--data", default="cifar10", help="images by name, or FILE_train.npz beside FILE_test.npz")
    given = parser.parse_args()
    model = model_file.load(given.model)
    train, held = opened(given.data, model)
    count = max(given.samples + given.compare, given.lessons if given.distil else 0)
    drawn = dataclasses.replace(draw_samples(train, count, given.seed), labels=None)
    samples = drawn.taken(slice(given.samples))
    compare = drawn.taken(slice(given.samples, given.samples + given.compare)) if given.compare else None
    lessons = drawn.taken(slice(given.lessons)) if given.distil else None
    test = draw_samples(held, given.test, 0)
    table, known = Table(COLUMNS, given.table), {}

    def answered(path: Path) -> np.ndarray:
        content = path.read_bytes()  # several ways may make the same file
        if content not in known:
            known[content] = right_answers(path, test.images, test.labels)
        return known[content]

    with (
        Work(model, given.runtime, samples, compare, given.scores, given.narrower, given.distil, lessons) as work,
        tempfile.TemporaryDirectory() as name,
    ):
        budgets, folder = given.budget or ["macs=50%"], Path(name)
        unchanged = work.file("original", budgets[0], folder / "original.tflite")
        before = answered(folder / "original.tflite")
        for budget in budgets:
            cells = (given.model.stem, given.runtime, budget, given.distil, given.seed)
            own = dict(zip(OWN, map(str, cells), strict=True))
            if not table.has(**own, way="original"):
                table.add(row(own, "original", unchanged, before, before))
            _first, *ways = dict.fromkeys(["original", *given.only.split(",")])
            left = [way for way in ways if not table.has(**own, way=way)]
            for way, path, costs in work.files(
                left, budget, folder, lambda way, reason, own=own: table.refuse(reason, **own, way=way)
            ):
                table.add(row(own, way, costs, answered(path), before))


if __name__ == "__main__":
    main()
