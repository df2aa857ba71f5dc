"""The trained weights in the package: whole, small, on their cards, and as accurate as they say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from sepzoo.applications import build, card
from sepzoo.catalog.packaged import FOLDER, PackagedWeights, packaged, packaged_names, weight_bytes
from sepzoo.data import open_source
from sepzoo.inference.evaluation import evaluate
from sepzoo.inference.keras_model import from_model

MOST_BYTES = 3_000_000
LEAST_ACCURACY = 0.5


def shipped() -> Iterator[PackagedWeights]:
    for dataset, names in packaged_names().items():
        for name in names:
            found = packaged(name, dataset)
            assert found is not None
            yield found


# Names of each, not a function: pytest 8.0 calls that where there is none.
SHIPPED = pytest.mark.parametrize("weights", list(shipped()), ids=[f"{each.name}-{each.dataset}" for each in shipped()])


def test_all_weights_together_are_small() -> None:
    assert sum(weights.size for weights in shipped()) < MOST_BYTES


def test_each_file_has_its_record_and_each_record_its_file() -> None:
    files = [file.name for folder in (FOLDER.iterdir() if FOLDER.is_dir() else ()) for file in folder.iterdir()]
    expected = [f"{weights.name}{suffix}" for weights in shipped() for suffix in (".json", ".npz")]
    assert sorted(files) == sorted(expected)


@SHIPPED
def test_the_record_is_of_the_file(weights: PackagedWeights) -> None:
    content = weight_bytes(weights)
    assert (weights.sha256, weights.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert weights in card(weights.name).packaged
    assert len(weights.labels) == card(weights.name).classes
    assert len(weights.log) == weights.epochs
    assert weights.recipe["model"]["name"] == weights.name
    assert weights.recipe["seed"] == weights.seed
    assert weights.accuracy > LEAST_ACCURACY


def right(weights: PackagedWeights, split: str, data_dir: str) -> int:
    classifier = from_model(build(weights.name, weights=weights.dataset))
    height, width, channels = classifier.input_shape
    source = open_source(weights.dataset, split=split, image_size=(height, width), channels=channels, data_dir=data_dir)
    return evaluate(classifier, source).correct


# Another processor rounds otherwise, which may turn an image whose two likeliest classes are level.
@SHIPPED
@pytest.mark.slow
def test_the_first_test_images_are_answered_as_recorded(weights: PackagedWeights, tfds_data_dir: str) -> None:
    assert abs(right(weights, weights.part, tfds_data_dir) - weights.correct_of_part) <= 1


@SHIPPED
@pytest.mark.nightly
def test_all_test_images_are_answered_as_recorded(weights: PackagedWeights, tfds_data_dir: str) -> None:
    split = weights.tested_on.partition(" ")[2]
    assert abs(right(weights, split, tfds_data_dir) - weights.correct) <= weights.images // 1000
