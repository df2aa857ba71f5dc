from __future__ import annotations

import numpy as np
import pytest

from sepzoo.data.augment import Augmentation
from sepzoo.support.errors import SepzooError

IMAGES = np.random.default_rng(0).integers(0, 256, size=(64, 12, 10, 3), dtype=np.uint8)


def test_crops_are_windows_of_the_padded_image() -> None:
    cropped = Augmentation(padding=2)(IMAGES, (12, 10), np.random.default_rng(1))
    places = set()
    for image, crop in zip(IMAGES, cropped, strict=True):
        padded = np.zeros((16, 14, 3), np.uint8)
        padded[2:14, 2:12] = image
        found = [(y, x) for y in range(5) for x in range(5) if (padded[y : y + 12, x : x + 10] == crop).all()]
        assert len(found) == 1
        places.add(found[0])
    assert len(places) > 15
    assert {y for y, _ in places} == {x for _, x in places} == set(range(5))


def test_crops_from_larger_images_need_no_padding() -> None:
    cropped = Augmentation()(IMAGES, (8, 8), np.random.default_rng(1))
    assert cropped.shape == (64, 8, 8, 3)
    assert cropped.min(axis=(1, 2, 3)).max() < 60


def test_too_small_images_are_refused() -> None:
    with pytest.raises(SepzooError, match=r"expected images of at least \(20, 8\). Received: \(12, 10\), padding=1"):
        Augmentation(padding=1)(IMAGES, (20, 8), np.random.default_rng(1))


def test_flips_mirror_about_half_of_the_images() -> None:
    flipped = Augmentation(flip=True)(IMAGES, (12, 10), np.random.default_rng(2))
    mirrored = [(after == before[:, ::-1]).all() for before, after in zip(IMAGES, flipped, strict=True)]
    same = [(after == before).all() for before, after in zip(IMAGES, flipped, strict=True)]
    assert all(one != other for one, other in zip(mirrored, same, strict=True))
    assert 20 < sum(mirrored) < 44


def test_alternating_sides_are_both_seen_in_any_two_epochs_whatever_the_order() -> None:
    augmentation, seen = Augmentation(flip="alternate"), []
    for epoch in range(4):
        order = np.random.default_rng(epoch).permutation(len(IMAGES))
        shown = augmentation(IMAGES[order], (12, 10), np.random.default_rng(epoch), epoch=epoch)[np.argsort(order)]
        turned = (shown == IMAGES[:, :, ::-1]).all(axis=(1, 2, 3))
        assert (turned | (shown == IMAGES).all(axis=(1, 2, 3))).all()
        seen.append(turned)
    assert 20 < seen[0].sum() < 44
    np.testing.assert_array_equal(seen[0], ~seen[1])
    np.testing.assert_array_equal(seen[:2], seen[2:])


def test_brightness_multiplies_each_image_by_its_own_factor() -> None:
    changed = Augmentation(brightness=0.4)(IMAGES, (12, 10), np.random.default_rng(3))
    factors = np.random.default_rng(3).uniform(0.6, 1.4, size=64)
    expected = np.minimum(IMAGES * factors[:, None, None, None], 255).astype(np.uint8)
    np.testing.assert_array_equal(changed, expected)


def test_the_whole_is_decided_by_the_random_numbers_alone() -> None:
    augmentation = Augmentation(padding=2, flip=True, brightness=0.4)
    before = IMAGES.copy()
    once = augmentation(IMAGES, (12, 10), np.random.default_rng([1, 2, 3]))
    again = augmentation(IMAGES, (12, 10), np.random.default_rng([1, 2, 3]))
    other = augmentation(IMAGES, (12, 10), np.random.default_rng([1, 2, 4]))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()
    np.testing.assert_array_equal(IMAGES, before)


def test_nothing_asked_changes_nothing() -> None:
    np.testing.assert_array_equal(Augmentation()(IMAGES, (12, 10), np.random.default_rng(0)), IMAGES)


def test_enlarging() -> None:
    assert Augmentation(enlarge=1.14).source_size((160, 224)) == (182, 255)
