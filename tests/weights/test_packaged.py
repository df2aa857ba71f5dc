"""The trained weights in the package: whole, small, on their cards, and as accurate as they say.

`tests/training/test_packaging.py` runs the same checks on weights that it makes, and sees them fail.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.catalog import packaged as catalog
from sepzoo.catalog.packaged import PackagedWeights, packaged, packaged_names
from tests.weights.packaged_checks import check_files, check_part, check_record, check_size, check_whole, in_the_folder

LEAST_ACCURACY = 0.5
WEIGHTS = in_the_folder()
# Names of each, not a function: pytest 8.0 calls that where there is none.
SHIPPED = pytest.mark.parametrize("weights", WEIGHTS, ids=[f"{each.name}-{each.dataset}" for each in WEIGHTS])


def test_all_weights_together_are_small() -> None:
    check_size()


def test_each_file_has_its_record_and_each_record_its_file() -> None:
    check_files()


@SHIPPED
def test_the_record_is_of_the_file(weights: PackagedWeights) -> None:
    check_record(weights)
    assert weights.accuracy > LEAST_ACCURACY


@SHIPPED
@pytest.mark.slow
def test_the_first_test_images_are_answered_as_recorded(weights: PackagedWeights, tfds_data_dir: str) -> None:
    check_part(weights, tfds_data_dir)


@SHIPPED
@pytest.mark.nightly
def test_all_test_images_are_answered_as_recorded(weights: PackagedWeights, tfds_data_dir: str) -> None:
    check_whole(weights, tfds_data_dir)


def test_a_package_without_weights_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (tmp_path, tmp_path / "gone"):
        monkeypatch.setattr(catalog, "FOLDER", place)
        assert packaged_names() == {}
    assert packaged("cifar_resnet8", "digits") is None
