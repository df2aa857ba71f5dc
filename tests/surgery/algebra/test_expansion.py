"""A dense kernel as separable terms: sums written out, errors by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sepzoo.layers import factorization
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.algebra.expansion import Expansion, Terms, expand

ORDERS = ("pw_dw", "dw_pw")
SHAPES = [(3, 3, 5, 7), (3, 2, 4, 3), (1, 5, 6, 2), (2, 2, 1, 6)]


def random_terms(order, channels=4, count=3, others=5):
    generator = np.random.default_rng(0)
    return Terms(
        order, generator.normal(size=(channels, count, 3, 2)), generator.normal(size=(channels, count, others))
    )


def summed(terms):
    """The dense kernel, product after product."""
    channels, count, height, width = terms.spatial_filters.shape
    others = terms.channel_vectors.shape[2]
    shape = (channels, others) if terms.order == "dw_pw" else (others, channels)
    kernel = np.zeros((height, width, *shape))
    for c, t, other in itertools.product(range(channels), range(count), range(others)):
        place = (c, other) if terms.order == "dw_pw" else (other, c)
        kernel[:, :, place[0], place[1]] += terms.spatial_filters[c, t] * terms.channel_vectors[c, t, other]
    return kernel


def of_layers(depthwise, pointwise, order, channels):
    """The dense kernel of a depthwise and a 1 x 1 layer, one behind the other."""
    height, width = depthwise.shape[:2]
    if order == "dw_pw":
        kernel = np.zeros((height, width, channels, pointwise.shape[3]))
        for c, t in itertools.product(range(channels), range(depthwise.shape[3])):
            kernel[:, :, c] += depthwise[:, :, c, t, None] * pointwise[0, 0, c * depthwise.shape[3] + t]
        return kernel
    kernel = np.zeros((height, width, pointwise.shape[2], channels))
    for middle in range(depthwise.shape[2]):
        kernel[..., middle % channels] += depthwise[:, :, middle] * pointwise[0, 0, :, middle]
    return kernel


@pytest.mark.parametrize("order", ORDERS)
def test_the_kernel_is_the_sum_of_the_products(order):
    terms = random_terms(order)
    np.testing.assert_allclose(terms.kernel, summed(terms), atol=1e-12)
    np.testing.assert_allclose(
        of_layers(*terms.keras_kernels(), order, len(terms.spatial_filters)), terms.kernel, atol=1e-12
    )
    assert terms.count == 3
    assert terms.kind == factorization("separable", terms=3, order=order)


@pytest.mark.parametrize("order", ORDERS)
def test_the_first_terms(order):
    terms = random_terms(order)
    first = terms.truncated(2)
    np.testing.assert_array_equal(first.spatial_filters, terms.spatial_filters[:, :2])
    np.testing.assert_array_equal(first.channel_vectors, terms.channel_vectors[:, :2])
    assert first.order == order


@pytest.mark.parametrize("order", ORDERS)
def test_balanced_factors_have_one_norm_and_the_same_product(order):
    terms = random_terms(order)
    balanced = terms.balanced()
    np.testing.assert_allclose(balanced.kernel, terms.kernel, atol=1e-12)
    for c, t in itertools.product(range(4), range(3)):
        own = np.linalg.norm(balanced.spatial_filters[c, t]), np.linalg.norm(balanced.channel_vectors[c, t])
        assert own[0] == pytest.approx(own[1], rel=1e-9)
    assert balanced.order == order


@pytest.mark.parametrize("factor", ["spatial_filters", "channel_vectors", "both"])
def test_a_term_that_is_zero_stays_as_it_is(factor):
    terms = random_terms("dw_pw")
    for name in ("spatial_filters", "channel_vectors"):
        if factor in (name, "both"):
            getattr(terms, name)[1, 2] = 0.0
    with np.errstate(all="raise"):
        balanced = terms.balanced()
    np.testing.assert_array_equal(balanced.spatial_filters[1, 2], terms.spatial_filters[1, 2])
    np.testing.assert_array_equal(balanced.channel_vectors[1, 2], terms.channel_vectors[1, 2])
    np.testing.assert_allclose(balanced.kernel, terms.kernel, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_number_of_terms_leaves_out_what_singular_values_say(order, shape):
    kernel = np.random.default_rng(1).normal(size=shape)
    height, width, inputs, filters = shape
    expansion = expand(kernel, order)
    channels = inputs if order == "dw_pw" else filters
    matrices = [
        (kernel[:, :, c] if order == "dw_pw" else kernel[..., c]).reshape(height * width, -1) for c in range(channels)
    ]
    values = np.stack([np.linalg.svd(matrix, compute_uv=False) ** 2 for matrix in matrices])
    assert expansion.rank == min(height * width, filters if order == "dw_pw" else inputs)
    np.testing.assert_allclose(expansion.energy, values, rtol=1e-9)
    for count in range(expansion.rank + 1):
        left_out = np.sum((kernel - expansion.terms.truncated(count).kernel) ** 2)
        assert expansion.squared_error(count) == pytest.approx(left_out, abs=1e-9)
        assert expansion.squared_error(count) == pytest.approx(values[:, count:].sum(), abs=1e-9)
        assert expansion.relative_squared_error(count) == pytest.approx(left_out / np.sum(kernel**2), abs=1e-9)
    np.testing.assert_allclose(  # the vectors carry the size
        np.linalg.norm(expansion.terms.spatial_filters, axis=(2, 3)), 1.0, rtol=1e-9
    )


def with_energy(*rows):
    energy = np.array(rows, "float64")
    return Expansion(Terms("dw_pw", np.zeros((*energy.shape, 1, 1)), np.zeros((*energy.shape, 1))), energy)


@pytest.mark.parametrize(
    ("rows", "energy", "count"),
    [
        ([(6, 3, 1)], 0.5, 1),
        ([(6, 3, 1)], 0.6, 1),
        ([(6, 3, 1)], 0.6005, 2),
        ([(6, 3, 1)], 0.0005, 1),
        ([(6, 3, 1)], 0.9, 2),
        ([(6, 3, 1)], 1.0, 3),
        ([(6, 3, 1), (2, 1, 1)], 0.55, 1),  # the mean of .6 and .5: each channel counts as much
        ([(6, 3, 1), (2, 1, 1)], 0.56, 2),
        ([(6, 3, 1), (0, 0, 0)], 0.6, 1),  # channels that are all zero ask for nothing
        ([(0, 0), (0, 0)], 1.0, 1),
        ([(0.1, 0.2, 0.3, 0.4)], 1.0, 4),
        ([(1.0, 0.0, 0.0)], 1.0, 1),
    ],
)
def test_terms_that_keep_a_share_of_the_energy(rows, energy, count):
    assert with_energy(*rows).count_for(energy) == count


@pytest.mark.parametrize("count", range(1, 9))
def test_rounding_asks_for_no_term_more(count):
    for seed in range(40):
        row = np.zeros(9)
        row[:count] = np.random.default_rng(seed).uniform(size=count)
        assert with_energy(row).count_for(1.0) <= count


@pytest.mark.parametrize("energy", [0.0, -0.5, 1.0001, float("nan")])
def test_a_share_out_of_range_is_refused(energy):
    with pytest.raises(SepzooError) as raised:
        with_energy((1, 1)).count_for(energy)
    assert str(raised.value) == f"expected an energy above 0 and up to 1. Received: energy={energy}."


def test_a_kernel_of_zeros_has_no_error():
    expansion = expand(np.zeros((3, 3, 2, 4)), "pw_dw")
    assert [expansion.relative_squared_error(count) for count in range(3)] == [0.0, 0.0, 0.0]
