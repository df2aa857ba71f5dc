"""Terms fitted to samples: never worse there than the decomposition, the best there is where a closed form says so."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.surgery.algebra.expansion import expand
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.regression import EXACT, RIDGE, SWEEPS, Fit, fit, low_rank, weighted

ORDERS = ("pw_dw", "dw_pw")


def moments_by_hand(x, y):
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    xc, yc = x - x_mean, y - y_mean
    return Moments(xc.T @ xc / len(x), xc.T @ yc / len(x), np.mean(yc**2, axis=0), x_mean, y_mean, len(x))


@pytest.mark.parametrize("order", ORDERS)
def test_white_patches_give_the_decomposition_itself(order):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 6))
    matrix = kernel.reshape(36, 6)
    white = Moments(np.eye(36), matrix, np.sum(matrix**2, axis=0), np.zeros(36), np.zeros(6), 1)
    expansion = expand(kernel, order)
    found = fit(white, expansion, 2, np.zeros(6))
    assert found.error == pytest.approx(expansion.relative_squared_error(2), rel=1e-9)


def test_one_channel_is_the_best_there_is():
    """For a single input channel reduced-rank regression has a closed form: that of the answers themselves."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 9)) @ generator.normal(size=(9, 9))
    kernel = generator.normal(size=(3, 3, 1, 6))
    y = x @ kernel.reshape(9, 6)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    found = fit(moments_by_hand(x, y), expand(kernel, "dw_pw"), 2, np.zeros(6))
    best = np.sum(np.linalg.svd(y, compute_uv=False)[2:] ** 2) / np.sum(y**2)
    assert found.error == pytest.approx(best, rel=1e-2)
    assert found.error >= best * (1 - 1e-9)


def test_dead_inputs_keep_the_kernel():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 6))
    dead = Moments(np.zeros((36, 36)), np.zeros((36, 6)), np.zeros(6), np.zeros(36), np.ones(6), 1)
    for order in ORDERS:
        found = fit(dead, expand(kernel, order), 2, np.ones(6))
        assert (found.error, found.fitted) == (0.0, False)


class Samples:
    """Correlated patches of a kernel and its outputs, with a bias, and all that a fit is compared with."""

    def __init__(self, shape=(3, 2, 4, 5), seed=0, count=400, correlation=None, kernel=None):
        generator = np.random.default_rng(seed)
        self.area, self.inputs, self.filters = shape[0] * shape[1], shape[2], shape[3]
        size = self.area * self.inputs
        mixing = generator.normal(size=(size, size))
        if correlation is not None:
            mixing = np.eye(size) + correlation * mixing
        x = generator.normal(size=(count, size)) @ mixing + np.arange(size) / 9
        self.kernel, self.bias = generator.normal(size=shape), np.arange(float(self.filters))
        if kernel is not None:
            self.kernel = kernel
        y = x @ self.kernel.reshape(size, self.filters) + self.bias
        self.moments = moments_by_hand(x, y)
        # A ridge is rows of noise whose right outputs are those of the kernel.
        noise = np.sqrt(RIDGE * np.mean(np.var(x, axis=0)) * count) * np.eye(size)
        self.x = np.concatenate([x - x.mean(axis=0), noise])
        self.y = np.concatenate([y - y.mean(axis=0), noise @ self.kernel.reshape(size, self.filters)])

    def missed(self, kernel):
        """The squared error on the rows."""
        return np.sum((self.x @ kernel.reshape(-1, self.filters) - self.y) ** 2)


def nearest(x, y, rank):
    """The matrix of a rank with which x comes nearest to y: the regression, projected on its strongest outputs."""
    full = np.linalg.lstsq(x, y, rcond=None)[0]
    strongest = np.linalg.svd(x @ full, full_matrices=False)[2][:rank]
    return full @ strongest.T @ strongest


def square_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(values) @ vectors.T


def started(samples, order, count):
    """The better one of the two starts, as a kernel: decomposed as it is, or in the metric of the patches."""
    shape, (area, inputs) = samples.kernel.shape, (samples.area, samples.inputs)
    x, own = samples.x.reshape(-1, area, inputs), samples.kernel.reshape(area, inputs, -1)
    metric = np.zeros_like(own)
    if order == "dw_pw":
        for i in range(inputs):
            metric[:, i] = nearest(x[:, :, i], x[:, :, i] @ own[:, i], count)
    else:
        places = square_root(sum(x[:, :, i].T @ x[:, :, i] for i in range(inputs)))
        channels = square_root(sum(x[:, k].T @ x[:, k] for k in range(area)))
        for o in range(shape[3]):
            u, s, vt = np.linalg.svd(places @ own[:, :, o] @ channels)
            product = u[:, :count] * s[:count] @ vt[:count]
            metric[:, :, o] = np.linalg.inv(places) @ product @ np.linalg.inv(channels)
    plain = expand(samples.kernel, order).terms.truncated(count).kernel
    return min((plain, metric.reshape(shape)), key=samples.missed)


def swept(samples, order, count):
    """The fit by least squares on the rows themselves."""
    shape, area, inputs = samples.kernel.shape, samples.area, samples.inputs
    x, current = samples.x.reshape(-1, area, inputs), started(samples, order, count).reshape(area, inputs, -1)
    if order == "dw_pw":
        strength = [np.sum((x[:, :, i] @ current[:, i]) ** 2) for i in range(inputs)]
        for _sweep in range(SWEEPS):
            before = samples.missed(current)
            for i in sorted(range(inputs), key=lambda i: -strength[i]):
                others = sum(x[:, :, j] @ current[:, j] for j in range(inputs) if j != i)
                current[:, i] = nearest(x[:, :, i], samples.y - others, count)
            if samples.missed(current) > 0.999 * before:
                break
        return current.reshape(shape)
    for o in range(shape[3]):
        filters = np.linalg.svd(current[:, :, o])[0][:, :count]
        for _sweep in range(SWEEPS):
            seen = np.einsum("nki,kt->nti", x, filters)
            vectors = np.linalg.lstsq(seen.reshape(len(x), -1), samples.y[:, o], rcond=None)[0].reshape(count, inputs)
            seen = np.einsum("nki,ti->nkt", x, vectors)
            filters = np.linalg.lstsq(seen.reshape(len(x), -1), samples.y[:, o], rcond=None)[0].reshape(area, count)
        current[:, :, o] = filters @ vectors
    return current.reshape(shape)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_fit_is_the_least_squares_on_the_samples(order, count, seed):
    samples = Samples(seed=seed)
    moments, expansion = samples.moments, expand(samples.kernel, order)
    found = fit(moments, expansion, count, samples.bias)
    expected = swept(samples, order, count)
    np.testing.assert_allclose(found.kernel, expected, atol=1e-6 * np.abs(expected).max())
    assert (found.terms.order, found.terms.count) == (order, count)
    assert found.fitted
    assert found.error == pytest.approx(moments.error(found.kernel))
    assert found.error < moments.error(started(samples, order, count))
    assert found.data_free_error == moments.error(expansion.terms.truncated(count).kernel, samples.bias)
    np.testing.assert_allclose(found.bias, moments.best_bias(found.kernel))


@pytest.mark.parametrize("seed", [0, 2])
def test_sweeps_end_when_they_gain_nothing_more(seed):
    """With patches that are nearly white the second sweep gains less than a thousandth; a third would still change."""
    samples = Samples(seed=seed, correlation=0.02)
    found = fit(samples.moments, expand(samples.kernel, "dw_pw"), 1, samples.bias)
    expected = swept(samples, "dw_pw", 1)
    np.testing.assert_allclose(found.kernel, expected, atol=1e-6 * np.abs(expected).max())


class Undecided(Moments):
    """On which every kernel is as good as any other."""

    def error(self, kernel, bias=None):
        return 0.5


@pytest.mark.parametrize("order", ORDERS)
def test_a_fit_that_is_no_better_is_not_taken(order):
    samples = Samples()
    undecided = Undecided(**vars(samples.moments))
    expansion = expand(samples.kernel, order)
    found = fit(undecided, expansion, 1, samples.bias)
    np.testing.assert_array_equal(found.kernel, expansion.terms.truncated(1).kernel)
    assert found.bias is samples.bias
    assert not found.fitted


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("noise", "worth_a_fit"), [(1e-2, True), (1e-3, True), (1e-7, False)])
def test_a_small_error_is_fitted_and_rounding_is_not(order, noise, worth_a_fit):
    samples = Samples()
    nearly = expand(samples.kernel, order).terms.truncated(1).kernel
    samples = Samples(kernel=nearly + noise * np.random.default_rng(1).normal(size=nearly.shape))
    found = fit(samples.moments, expand(samples.kernel, order), 1, samples.bias)
    assert found.fitted == worth_a_fit


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_terms_in_the_metric_of_the_patches(order, count):
    """For uncorrelated channels and places the metric is exact, and no kernel of as many terms has less error."""
    samples = Samples()
    regularized = samples.moments.regularized(samples.kernel, RIDGE)
    terms = weighted(regularized, samples.kernel, order)
    assert terms.order == order
    np.testing.assert_allclose(terms.kernel, samples.kernel, atol=1e-8)  # all of them: the kernel itself
    plain = expand(samples.kernel, order).terms.truncated(count).kernel
    expected = started(samples, order, count)
    if not np.array_equal(expected, plain):
        np.testing.assert_allclose(terms.truncated(count).kernel, expected, atol=1e-8)


@pytest.mark.parametrize("rank", [1, 2, 3, 5])
def test_regression_of_a_rank(rank):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(60, 7)) @ generator.normal(size=(7, 7)), generator.normal(size=(60, 5))
    left, right = low_rank(x.T @ x, x.T @ y, rank)
    assert (left.shape, right.shape) == ((7, rank), (rank, 5))
    np.testing.assert_allclose(left @ right, nearest(x, y, rank), atol=1e-9)


def test_a_fit_says_whether_it_is_one():
    terms = expand(np.ones((1, 1, 1, 1)), "dw_pw").terms
    assert Fit(terms, np.zeros(1), 0.1, 0.2).fitted
    assert not Fit(terms, np.zeros(1), 0.2, 0.2).fitted
    np.testing.assert_allclose(Fit(terms, np.zeros(1), 0.1, 0.2).kernel, 1.0)


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_exact_is_left_alone(order):
    samples = Samples()
    expansion = expand(samples.kernel, order)
    found = fit(samples.moments, expansion, expansion.rank, samples.bias)
    np.testing.assert_array_equal(found.kernel, expansion.terms.kernel)
    assert found.bias is samples.bias
    assert found.error == found.data_free_error < EXACT
