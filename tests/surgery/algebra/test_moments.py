"""Means and covariances, and the errors that follow from them, against those of the samples themselves."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.regression import RIDGE, low_rank, weighted
from sepzoo.surgery.algebra.ridge import fitted_matrix


@pytest.fixture
def samples():
    """Patches with a mean and correlations, their outputs, and the kernel that made them."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 12)) @ generator.normal(size=(12, 12)) + np.arange(12)
    kernel = generator.normal(size=(3, 2, 2, 5))
    return x, x @ kernel.reshape(12, 5) + np.arange(5) + generator.normal(size=(300, 5)), kernel


def test_they_are_those_of_all_samples_however_they_are_cut(samples):
    x, y, _kernel = samples
    whole = np.cov(np.concatenate([x, y], axis=1), rowvar=False, bias=True)
    for cuts in ([], [1], [100, 250]):
        moments = Moments.of(zip(np.split(x, cuts), np.split(y, cuts), strict=True))
        np.testing.assert_allclose(moments.gram, whole[:12, :12], atol=1e-9)
        np.testing.assert_allclose(moments.cross, whole[:12, 12:], atol=1e-9)
        np.testing.assert_allclose(moments.power, np.diag(whole)[12:], atol=1e-9)
        np.testing.assert_allclose(moments.patch_mean, x.mean(axis=0))
        np.testing.assert_allclose(moments.output_mean, y.mean(axis=0))
        assert moments.count == 300


def test_the_variance_of_a_constant_is_zero_and_not_below():
    y = np.array([0.1, 0.3, 0.7, 1.1, 123.456]) * np.ones((1000, 1))
    rounded = np.mean(y**2, axis=0) - y.mean(axis=0) ** 2
    assert (rounded < 0).any()  # what rounding would make of it
    power = Moments.of([(np.ones((1000, 1)), y)]).power
    assert (power >= 0).all()
    assert power.max() < 1e-9


@pytest.mark.parametrize("given", [True, False])
def test_the_error_is_the_mean_square_over_the_variance(samples, given):
    x, y, kernel = samples
    moments = Moments.of([(x, y)])
    other = kernel + np.random.default_rng(1).normal(size=kernel.shape)
    outputs = x @ other.reshape(12, 5)
    bias = np.linspace(-1, 1, 5) if given else (y - outputs).mean(axis=0)
    missed = np.mean(np.sum((outputs + bias - y) ** 2, axis=1)) / np.sum(np.var(y, axis=0))
    assert moments.error(other, bias if given else None) == pytest.approx(missed, rel=1e-9)
    np.testing.assert_allclose(moments.best_bias(other), (y - outputs).mean(axis=0))


def test_an_error_is_never_below_zero_and_none_where_nothing_varies():
    one = np.ones((1, 1))
    short = Moments(one, one, np.array([1 - 1e-9]), np.zeros(1), np.zeros(1), 1)
    assert short.error(np.ones((1, 1, 1, 1))) == 0.0
    still = Moments(one, 0 * one, np.zeros(1), np.zeros(1), np.zeros(1), 1)
    assert still.error(np.ones((1, 1, 1, 1)), np.ones(1)) == 0.0


def test_a_ridge_is_white_noise_with_the_kernel_s_own_outputs(samples):
    x, y, kernel = samples
    moments = Moments.of([(x, y)])
    share = 0.25
    noise = np.sqrt(12 * share * np.trace(moments.gram) / 12) * np.concatenate([np.eye(12), -np.eye(12)]) / np.sqrt(2)
    made = noise @ kernel.reshape(12, 5)  # 24 samples: mean 0, covariance share * mean power * identity * 12 / 12
    regularized = moments.regularized(kernel, share)
    np.testing.assert_allclose(regularized.gram, moments.gram + noise.T @ noise / 12, rtol=1e-9)
    np.testing.assert_allclose(regularized.cross, moments.cross + noise.T @ made / 12, rtol=1e-9)
    np.testing.assert_allclose(regularized.power, moments.power + np.sum(made**2, axis=0) / 12, rtol=1e-9)
    for name in ("patch_mean", "output_mean", "count"):
        assert getattr(regularized, name) is getattr(moments, name)
    far = kernel + 1.0
    gap = moments.error(far) * moments.power.sum()
    expected = gap + share * np.trace(moments.gram) / 12 * np.sum((far - kernel) ** 2)
    assert regularized.error(far) * regularized.power.sum() == pytest.approx(expected, rel=1e-9)


def test_patches_without_power_get_noise_all_the_same():
    dead = Moments(np.zeros((4, 4)), np.zeros((4, 2)), np.zeros(2), np.zeros(4), np.ones(2), 1)
    np.testing.assert_array_equal(dead.regularized(np.ones((2, 2, 1, 2)), 0.5).gram, 0.5 * np.eye(4))


@pytest.mark.parametrize("level", [0.0, 1e-3, 1.0, 300.0, 1e6])
@pytest.mark.parametrize("spread", [0.0, 1e-9, 1e-7, 1e-5])
def test_of_patches_that_hardly_differ_no_fit_makes_anything_of_rounding(level, spread):
    """As behind layers whose channels are dead, or constant over the samples: rounding is all that is left of them."""
    generator = np.random.default_rng(1)
    x = level * generator.uniform(0.5, 1, 18) * (1 + spread * generator.normal(size=(5000, 18)))
    kernel = generator.normal(size=(3, 3, 2, 4))
    matrix = kernel.reshape(18, 4)
    moments = Moments.of([(x, x @ matrix)])
    well = moments.regularized(kernel, RIDGE)
    assert np.linalg.eigvalsh(well.gram).min() > 0
    left, right = low_rank(well.gram, well.cross, 4)
    terms = [weighted(well, kernel, order).kernel for order in ("pw_dw", "dw_pw")]
    for found in (left @ right, fitted_matrix(moments, matrix), *(each.reshape(18, 4) for each in terms)):
        assert np.abs(found - matrix).max() < 0.1 * np.abs(matrix).max()
