"""What holds of every folder of trained weights: of the package's own, and of one that a test has made."""

from __future__ import annotations

import hashlib

from sepzoo.applications import build, card
from sepzoo.catalog import packaged as catalog
from sepzoo.catalog.packaged import PackagedWeights, packaged, packaged_names, weight_bytes
from sepzoo.data import open_source
from sepzoo.inference.evaluation import evaluate
from sepzoo.inference.keras_model import from_model

MOST_BYTES = 3_000_000


def in_the_folder() -> list[PackagedWeights]:
    found = [packaged(name, dataset) for dataset, names in packaged_names().items() for name in names]
    return [weights for weights in found if weights is not None]


def check_size(most: int = MOST_BYTES) -> None:
    assert sum(len(weight_bytes(weights)) for weights in in_the_folder()) < most


def check_files() -> None:
    root = catalog.FOLDER
    files = [
        f"{each.name}/{file.name}" for each in (root.iterdir() if root.is_dir() else ()) for file in each.iterdir()
    ]
    expected = [
        f"{dataset}/{name}{suffix}"
        for dataset, names in packaged_names().items()
        for name in names
        for suffix in (".json", ".npz")
    ]
    assert sorted(files) == sorted(expected)


def check_record(weights: PackagedWeights) -> None:
    content = weight_bytes(weights)
    assert (weights.sha256, weights.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert weights in card(weights.name).packaged
    assert len(weights.labels) == card(weights.name).classes
    assert len(weights.log) == weights.epochs
    assert weights.recipe["model"]["name"] == weights.name
    assert weights.recipe["seed"] == weights.seed


def right(weights: PackagedWeights, split: str, data_dir: str | None) -> int:
    """Return how many images of a split the weights name the class of."""
    classifier = from_model(build(weights.name, weights=weights.dataset))
    height, width, channels = classifier.input_shape
    source = open_source(weights.dataset, split=split, image_size=(height, width), channels=channels, data_dir=data_dir)
    return evaluate(classifier, source).correct


def check_part(weights: PackagedWeights, data_dir: str | None = None) -> None:
    # Another processor rounds otherwise, which may turn an image whose two likeliest classes are level.
    assert abs(right(weights, weights.part, data_dir) - weights.correct_of_part) <= 1


def check_whole(weights: PackagedWeights, data_dir: str | None = None) -> None:
    split = weights.tested_on.partition(" ")[2]
    assert abs(right(weights, split, data_dir) - weights.correct) <= weights.images // 1000
