from __future__ import annotations

import numpy as np

from sepzoo.data import ArraySource, Augmentation
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.training.batches import count_batches, evaluation_batches, training_batches

PIXELS = np.random.default_rng(0).integers(0, 256, size=(50, 8, 8, 3), dtype=np.uint8)
SOURCE = ArraySource(PIXELS, np.arange(50) % 3, ("a", "b", "c"))


def epoch(number: int, seed: int = 1, **augmentation: object) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(
        training_batches(
            SOURCE,
            ZERO_TO_ONE,
            Augmentation(**augmentation),
            size=(8, 8),
            batch_size=16,
            seed=seed,
            epoch=number,
        )
    )


def test_evaluation_goes_in_order() -> None:
    batches = list(evaluation_batches(SOURCE, ZERO_TO_ONE, batch_size=16))
    assert len(batches) == count_batches(SOURCE, 16) == 4
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), PIXELS.astype("float32") / 255)
    targets = np.concatenate([y for _, y in batches])
    np.testing.assert_array_equal(targets, np.eye(3, dtype="float32")[np.arange(50) % 3])


def test_every_image_trains_once_with_its_label() -> None:
    batches = epoch(0)
    images, targets = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    places = [int(np.flatnonzero((PIXELS / np.float32(255) == image).all((1, 2, 3)))[0]) for image in images]
    assert sorted(places) == list(range(50))
    assert places != list(range(50))
    np.testing.assert_array_equal(targets.argmax(1), np.array(places) % 3)


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    arguments = {"padding": 2, "flip": True, "brightness": 0.2}
    once, again = epoch(3, **arguments), epoch(3, **arguments)
    for one, same in zip(once, again, strict=True):
        np.testing.assert_array_equal(one[0], same[0])
    assert any((one[0] != other[0]).any() for one, other in zip(once, epoch(4, **arguments), strict=True))
    assert any((one[0] != other[0]).any() for one, other in zip(once, epoch(3, seed=2, **arguments), strict=True))


def test_augmentation_differs_from_batch_to_batch() -> None:
    """NumPy seeds [seed, epoch] and [seed, epoch, 0] alike: no batch may share its numbers with the order."""
    from unittest.mock import patch

    seeds: list[tuple[int, ...]] = []
    real = np.random.default_rng
    with patch("numpy.random.default_rng", lambda seed: seeds.append(tuple(seed)) or real(seed)):
        epoch(0, padding=1)
        epoch(1, padding=1)
    states = {real(list(seed)).integers(2**63) for seed in seeds}
    assert len(states) == len(seeds) == 2 * (1 + 4)
