"""Tiny sets of TensorFlow Datasets that hold arrays, written where a test wants them; no network is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Example = dict[str, Any]
CLASSES = ("swing", "tap", "rest")


def write_set(
    folder: Path,
    name: str,
    features: Mapping[str, Any],
    example: Callable[[np.random.Generator, int, str], Example],
    *,
    sizes: Mapping[str, int],
    supervised: Any = None,
) -> None:
    """Write a set as TFDS does, whose examples `example(generator, number, split)` makes; each split is drawn anew."""
    import tensorflow_datasets as tfds

    def info(self: Any) -> Any:
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features), supervised_keys=supervised
        )

    def generators(self: Any, manager: Any) -> dict[str, Iterator[tuple[int, Example]]]:
        return {split: made(split, count) for split, count in sizes.items()}

    def made(split: str, count: int) -> Iterator[tuple[int, Example]]:
        random = np.random.default_rng([count, *split.encode()])
        for number in range(count):
            yield number, example(random, number, split)

    with tfds.core.registered.skip_registration():
        methods = {
            "VERSION": tfds.core.Version("1.0.0"),
            "name": name,
            "_info": info,
            "_split_generators": generators,
            "_generate_examples": lambda self: iter(()),
        }
        builder = type(name, (tfds.core.GeneratorBasedBuilder,), methods)(data_dir=str(folder))
        builder.download_and_prepare()


def read_set(folder: Path, name: str, split: str) -> list[Example]:
    """Return the examples of a set as TFDS itself gives them."""
    import tensorflow_datasets as tfds

    return list(tfds.as_numpy(tfds.load(name, split=split, data_dir=str(folder))))


def write_all(folder: Path) -> None:
    """Write `windows` (labelled), `table` (nested columns), `sounds` of one length, `uneven` ones, and `photos`."""
    import tensorflow_datasets as tfds

    f = tfds.features
    label, sizes = f.ClassLabel(names=CLASSES), {"train": 60, "test": 30}
    write_set(
        folder,
        "windows",
        {"motion": f.Tensor(shape=(6, 5, 1), dtype=np.float32), "label": label, "subject": f.Text()},
        lambda random, number, split: {
            "motion": random.normal(size=(6, 5, 1)).astype("float32"),
            "label": number % 3,
            "subject": f"person {number}",
        },
        sizes=sizes,
    )
    write_set(
        folder,
        "table",
        {
            "age": f.Scalar(np.float32),
            "body": {"left": f.Tensor(shape=(4,), dtype=np.float32), "steps": f.Sequence(f.Scalar(np.int32), length=3)},
            "kind": f.ClassLabel(num_classes=2),
            "label": label,
        },
        lambda random, number, split: {
            "age": np.float32(random.uniform(20, 80)),
            "body": {
                "left": random.normal(size=4).astype("float32"),
                "steps": random.integers(0, 9, 3).astype("int32"),
            },
            "kind": int(random.integers(2)),
            "label": number % 3,
        },
        sizes=sizes,
        supervised=("age", "label"),
    )
    for name, length in (("sounds", lambda number: 16), ("uneven", lambda number: 16 + number % 2)):
        write_set(
            folder,
            name,
            {"audio": f.Audio(sample_rate=8000), "label": label},
            lambda random, number, split, length=length: {
                "audio": random.integers(-99, 99, length(number)),
                "label": -1 if split == "unlabelled" else number % 3,
            },
            sizes={**sizes, "unlabelled": 2},
            supervised=("audio", "label"),
        )
    write_set(
        folder,
        "photos",
        {"image": f.Image(shape=(8, 8, 3)), "place": f.Tensor(shape=(2,), dtype=np.float32), "label": label},
        lambda random, number, split: {
            "image": random.integers(0, 256, (8, 8, 3), np.uint8),
            "place": random.normal(size=2).astype("float32"),
            "label": number % 3,
        },
        sizes=sizes,
    )
