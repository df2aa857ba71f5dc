from __future__ import annotations

import gzip
import hashlib
from importlib import resources

import numpy as np
import pytest

from sepzoo.data import open_digits
from sepzoo.support.errors import SepzooError


def test_the_scans_are_those_of_the_uci_test_file() -> None:
    """UCI's `optdigits.tes` has 1,797 lines and this count of each digit (its own description, optdigits.names)."""
    both = [open_digits(split=split) for split in ("train", "test")]
    labels = np.concatenate([source.labels for source in both])
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    table = gzip.decompress(resources.files("sepzoo.data").joinpath("digits.csv.gz").read_bytes()).splitlines()
    assert len(table) == 1797
    np.testing.assert_array_equal(np.sort(labels), np.sort([int(line.rpartition(b",")[2]) for line in table]))


def test_splits_are_disjoint_stratified_and_fixed() -> None:
    train, test = open_digits(split="train"), open_digits(split="test")
    assert (len(train), len(test)) == (1438, 359)
    assert np.bincount(test.labels).min() == 35
    assert np.bincount(test.labels).max() == 37
    known = {image.tobytes() for image in train.images(np.arange(len(train)))}
    assert not [image for image in test.images(np.arange(len(test))) if image.tobytes() in known]
    digest = hashlib.sha256(test.pixels.tobytes()).hexdigest()
    assert digest == "5c21f598f67babab58764cb210f75a5da878d34568f04a993f6fa635a765c7f4"


def test_slices_of_train() -> None:
    held_out, kept = open_digits(split="train[:10%]"), open_digits(split="train[10%:]")
    assert len(held_out) + len(kept) == 1438
    assert held_out.name == "digits train[:10%]"


def test_pixels_use_the_whole_range_at_every_size() -> None:
    scans = open_digits(split="test")
    assert scans.image_size == (8, 8)
    assert (scans.pixels.min(), scans.pixels.max()) == (0, 255)
    large = open_digits(split="test", image_size=(32, 32), channels=3)
    assert large.pixels.shape == (359, 32, 32, 3)
    np.testing.assert_array_equal(large.pixels[..., 0], large.pixels[..., 2])
    coarse = large.pixels[..., 0].reshape(359, 8, 4, 8, 4).mean((2, 4))
    assert np.corrcoef(coarse.ravel(), scans.pixels.ravel())[0, 1] > 0.97


def test_other_splits_are_refused() -> None:
    with pytest.raises(SepzooError, match=r"unknown split of digits 'validation'. Known: test, train"):
        open_digits(split="validation")
