from __future__ import annotations

import numpy as np
import pytest

from sepzoo.data import ArraySource
from sepzoo.support.errors import SepzooError

NAMES = ("cat", "dog")


def pixels(count: int = 5) -> np.ndarray:
    return np.arange(count * 4 * 6 * 3, dtype=np.uint8).reshape(count, 4, 6, 3)


def source(count: int = 5) -> ArraySource:
    return ArraySource(pixels(count), np.arange(count) % 2, NAMES)


def test_says_what_it_holds() -> None:
    held = source()
    assert (len(held), held.image_size, held.channels) == (5, (4, 6), 3)
    np.testing.assert_array_equal(held.images(np.array([3, 0])), pixels()[[3, 0]])


def test_batches_come_in_order_with_a_smaller_last_one() -> None:
    batches = list(source().batches(2))
    assert [len(labels) for _, labels in batches] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), pixels())


def test_shuffling_is_decided_by_seed_and_epoch_alone() -> None:
    held = source(100)

    def order(seed: int, epoch: int) -> list[int]:
        return [int(image[0, 0, 0]) for images, _ in held.shuffled(7, seed=seed, epoch=epoch) for image in images]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)
    assert sorted(order(1, 2)) == sorted(int(image[0, 0, 0]) for image in pixels(100))


@pytest.mark.parametrize(
    ("images", "labels", "names", "text"),
    [
        (pixels().astype("float32"), np.zeros(5, int), NAMES, "expected images as uint8 .* Received: float32"),
        (pixels()[0], np.zeros(5, int), NAMES, r"expected images .* of shape \(4, 6, 3\)"),
        (pixels(), np.zeros(4, int), NAMES, r"one whole number as label .* shape \(4,\) for 5 images"),
        (pixels(), np.zeros(5), NAMES, "one whole number as label .* labels=float64"),
        (pixels(), np.full(5, 2), NAMES, "labels below their count. Received: 2 class names, labels 2 … 2"),
        (pixels(), np.zeros(5, int), ("cat",), "at least two classes .* Received: 1 class names"),
        (pixels(), np.zeros(5, int), "ab", "expected class names as a list of texts. Received: 'ab' in arrays"),
        (pixels(), np.zeros(5, int), ("a", 1), "class names of UTF-8 text on one line. Received: 1 in arrays"),
        (pixels(), np.zeros(5, int), ("a", " "), "class names of UTF-8 text on one line. Received:   in arrays"),
    ],
)
def test_what_does_not_fit_is_refused(
    images: np.ndarray, labels: np.ndarray, names: tuple[str, ...], text: str
) -> None:
    with pytest.raises(SepzooError, match=text):
        ArraySource(images, labels, names)
