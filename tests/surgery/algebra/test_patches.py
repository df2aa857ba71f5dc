"""Patches read position by position, with the padding of "same" worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sepzoo.surgery.algebra.patches import Window, extract_patches

# size, kernel, stride, dilation -> padding before, positions
SAME = {
    (5, 3, 1, 1): (1, 5),
    (4, 3, 2, 1): (0, 2),
    (5, 3, 2, 1): (1, 3),
    (6, 2, 1, 1): (0, 6),
    (7, 3, 1, 2): (2, 7),
    (7, 1, 2, 1): (0, 4),
    (8, 1, 3, 1): (0, 3),
    (8, 1, 2, 1): (0, 4),
    (5, 2, 1, 3): (1, 5),
    (3, 5, 1, 1): (2, 3),
    (9, 4, 3, 1): (0, 3),
    (6, 5, 2, 1): (1, 3),
}
VALID = {
    (5, 3, 1, 1): 3,
    (8, 3, 2, 1): 3,
    (7, 3, 1, 2): 3,
    (9, 2, 3, 4): 2,
    (4, 4, 1, 1): 1,
    (6, 1, 2, 1): 3,
}


def read(images, axes, before, positions):
    """Return the patches, one value after another."""
    (height, width), count = images.shape[1:3], len(images)
    kernels = [kernel for _size, kernel, _stride, _dilation in axes]
    found = np.zeros((count, *positions, *kernels, images.shape[3]))
    for row, column, i, j in itertools.product(*map(range, (*positions, *kernels))):
        y = row * axes[0][2] + i * axes[0][3] - before[0]
        x = column * axes[1][2] + j * axes[1][3] - before[1]
        if 0 <= y < height and 0 <= x < width:
            found[:, row, column, i, j] = images[:, y, x]
    return found


def window(axes, padding):
    _sizes, kernels, strides, dilations = zip(*axes, strict=True)
    return Window(kernel_size=kernels, strides=strides, dilation_rate=dilations, padding=padding)


@pytest.mark.parametrize("tall", SAME)
@pytest.mark.parametrize("wide", [(5, 3, 1, 1), (4, 3, 2, 1), (5, 2, 1, 3)])
def test_same_pads_with_zeros_the_odd_one_behind(tall, wide):
    images = np.random.default_rng(0).normal(size=(2, tall[0], wide[0], 3))
    before, positions = zip(SAME[tall], SAME[wide], strict=True)
    found = extract_patches(images, window((tall, wide), "same"))
    np.testing.assert_array_equal(found, read(images, (tall, wide), before, positions))


@pytest.mark.parametrize(("tall", "wide"), list(itertools.product(VALID, repeat=2)))
def test_valid_stays_inside(tall, wide):
    images = np.random.default_rng(0).normal(size=(2, tall[0], wide[0], 3))
    found = extract_patches(images, window((tall, wide), "valid"))
    np.testing.assert_array_equal(found, read(images, (tall, wide), (0, 0), (VALID[tall], VALID[wide])))


def test_nothing_is_copied_without_padding():
    images = np.zeros((1, 6, 7, 2))
    assert np.shares_memory(extract_patches(images, Window(kernel_size=(3, 2))), images)
    assert Window(kernel_size=(3, 2)) == Window(
        kernel_size=(3, 2), strides=(1, 1), dilation_rate=(1, 1), padding="valid"
    )
