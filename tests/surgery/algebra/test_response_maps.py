"""Maps of low rank between outputs, against other ways to reach the same."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.surgery.algebra.response_maps import STEPS, ResponseMap, fit_response_map, fit_through_relu


@pytest.fixture
def outputs():
    """Outputs as they come and as they should be, related by a noisy linear map."""
    generator = np.random.default_rng(0)
    now = generator.normal(size=(400, 6)) @ generator.normal(size=(6, 6)) + np.arange(6)
    return now, now @ generator.normal(size=(6, 6)) / 3 + generator.normal(size=(400, 6)) - 1


def test_a_map_is_applied_and_its_error_measured():
    found = ResponseMap(np.array([[1.0], [2.0]]), np.array([[3.0, -1.0]]), np.array([10.0, 20.0]))
    now = np.array([[1.0, 1.0], [0.0, -30.0]])
    np.testing.assert_array_equal(found.apply(now), [[19.0, 17.0], [-170.0, 80.0]])
    wanted = np.array([[19.0, 20.0], [-100.0, 80.0]])
    variance = 2 * 59.5**2 + 2 * 30.0**2
    assert found.error(now, wanted, through_relu=False) == pytest.approx((3**2 + 70**2) / variance)
    assert found.error(now, wanted, through_relu=True) == pytest.approx(3**2 / (2 * 9.5**2 + 2 * 30.0**2), rel=1e-9)
    assert found.error(now, np.ones((2, 2)), through_relu=False) == 0.0  # nothing varies


def ridge_map(now, wanted, rank):
    """Reduced-rank regression on the samples themselves, with rows of noise whose right output is themselves."""
    x, y = now - now.mean(axis=0), wanted - wanted.mean(axis=0)
    noise = np.sqrt(1e-4 * np.mean(np.var(now, axis=0)) * len(now)) * np.eye(6)
    x, y = np.concatenate([x, noise]), np.concatenate([y, noise])
    full = np.linalg.lstsq(x, y, rcond=None)[0]
    directions = np.linalg.svd(x @ full)[2][:rank]
    return full @ directions.T @ directions


@pytest.mark.parametrize("rank", [1, 2, 4, 6])
def test_the_nearest_map_of_a_rank(outputs, rank):
    now, wanted = outputs
    found = fit_response_map(now, wanted, rank)
    assert (found.left.shape, found.right.shape) == ((6, rank), (rank, 6))
    np.testing.assert_allclose(found.left @ found.right, ridge_map(now, wanted, rank), atol=1e-6)
    np.testing.assert_allclose(found.apply(now).mean(axis=0), wanted.mean(axis=0), atol=1e-9)


def test_outputs_that_never_vary_are_mapped_to_their_place():
    still = np.full((10, 3), 2.0)
    found = fit_response_map(still, still + 1, 3)
    np.testing.assert_allclose(found.apply(still), still + 1, atol=1e-9)
    np.testing.assert_allclose(found.left @ found.right, np.eye(3), atol=1e-9)


def alternated(now, wanted, rank):
    """The alternation, what each free output costs taken from the loss itself: behind the ReLU, and the linear part."""
    found = fit_response_map(now, wanted, rank)
    for weight, rounds in STEPS:
        for _round in range(rounds):
            linear, positive = found.apply(now), np.maximum(wanted, 0.0)
            below = np.minimum(linear, 0)
            above = np.maximum(0, (weight * linear + positive) / (weight + 1))
            costs = [(np.maximum(z, 0) - positive) ** 2 + weight * (z - linear) ** 2 for z in (below, above)]
            found = fit_response_map(now, np.where(costs[0] < costs[1], below, above), rank)
    return found


@pytest.mark.parametrize("rank", [1, 3])
def test_behind_a_relu_it_alternates_to_less_error(outputs, rank):
    now, wanted = outputs
    found, plain = fit_through_relu(now, wanted, rank), fit_response_map(now, wanted, rank)
    assert found.error(now, wanted, through_relu=True) < plain.error(now, wanted, through_relu=True)
    np.testing.assert_allclose(found.apply(now), alternated(now, wanted, rank).apply(now), atol=1e-6)


@pytest.mark.parametrize("weight", [weight for weight, _rounds in STEPS])
def test_the_closed_forms_of_a_free_output_are_its_best(weight):
    """What the alternation relies on: of both forms the cheaper one costs no more than any other value."""
    generator = np.random.default_rng(1)
    grid = np.linspace(-6, 6, 24_001)
    for linear, wanted in generator.normal(scale=2, size=(50, 2)):
        positive = max(wanted, 0.0)
        forms = np.array([min(linear, 0.0), max((weight * linear + positive) / (weight + 1), 0.0)])
        cost = [np.min((np.maximum(each, 0) - positive) ** 2 + weight * (each - linear) ** 2) for each in (forms, grid)]
        assert cost[0] <= cost[1] + 1e-12
