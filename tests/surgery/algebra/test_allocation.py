"""A budget spread at the least total error."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sepzoo.surgery.algebra import allocation
from sepzoo.surgery.algebra.allocation import PARETO_FRONT_SIZE, Option, allocate

options = st.lists(st.builds(Option, st.integers(0, 30), st.integers(0, 20).map(float)), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(options, min_size=1, max_size=4), st.integers(0, 80))
def test_it_is_the_best_of_all_choices(layers, budget):
    every = list(itertools.product(*(range(len(layer)) for layer in layers)))
    costs = [sum(layer[pick].cost for layer, pick in zip(layers, picks, strict=True)) for picks in every]
    errors = [sum(layer[pick].error for layer, pick in zip(layers, picks, strict=True)) for picks in every]
    fitting = [error for cost, error in zip(costs, errors, strict=True) if cost <= budget]
    picks = allocate(layers, budget)
    if picks is None:
        assert not fitting
    else:
        place = every.index(tuple(picks))
        assert (costs[place] <= budget, errors[place]) == (True, min(fitting))


def test_a_hundred_layers_are_thinned_and_stay_within_the_budget():
    generator = np.random.default_rng(0)
    layers = [
        [
            Option(int(cost), float(error))
            for cost, error in zip(step * np.arange(1, 10), 0.5 ** np.arange(9), strict=True)
        ]
        for step in generator.integers(10**5, 10**7, size=100)
    ]
    whole = sum(layer[-1].cost for layer in layers)
    picks = allocate(layers, whole // 2)
    cost = sum(layer[pick].cost for layer, pick in zip(layers, picks, strict=True))
    error = sum(layer[pick].error for layer, pick in zip(layers, picks, strict=True))
    uniform = sum(layer[3].error for layer in layers)  # 4 of 9 terms in every layer
    assert cost <= whole // 2
    assert error < uniform
    assert len(layers) * 9 < PARETO_FRONT_SIZE


def test_of_equal_errors_the_cheaper_is_taken():
    assert allocate([[Option(3, 0.5), Option(2, 0.5), Option(1, 0.7)]], 10) == [1]
    assert allocate([[Option(5, 0.0), Option(5, 0.0)], [Option(9, 1.0), Option(4, 1.0)]], 20) == [0, 1]


def thinned(costs, errors, size):
    """The dearest of each stretch of costs, beside the cheapest of all; read one after another."""
    first, last = costs[0], costs[-1]
    stretches: dict[int, int] = {}
    for index, cost in enumerate(costs):
        stretches[(cost - first) * size // (last - first)] = index
    return sorted({0, *stretches.values()})


def test_a_long_front_keeps_the_best_of_each_stretch(monkeypatch):
    generator = np.random.default_rng(0)
    for size, count in ((10, 200), (10, 12), (50, 51), (7, 400)):
        monkeypatch.setattr(allocation, "PARETO_FRONT_SIZE", size)
        costs = 1000 + np.cumsum(generator.integers(1, 30, size=count))
        errors = np.sort(generator.uniform(size=count))[::-1]
        given = generator.permutation(count)
        found = allocation._pareto_front(costs[given], errors[given], int(costs[-1]))
        assert given[found].tolist() == thinned(costs.tolist(), errors, size)


def test_a_front_of_the_size_that_is_kept_is_kept_whole(monkeypatch):
    monkeypatch.setattr(allocation, "PARETO_FRONT_SIZE", 20)
    costs = np.array([*range(10), *range(1000, 1010)])
    assert allocation._pareto_front(costs, -1.0 * costs, 2000).tolist() == list(range(20))


def test_a_thinned_search_stays_within_the_budget_and_near_the_best(monkeypatch):
    generator = np.random.default_rng(1)
    layers = [
        [Option(int(cost), float(1 / cost)) for cost in np.unique(generator.integers(10, 1000, size=6))]
        for _layer in range(10)
    ]
    for budget in (2500, 3500, 5000):
        best = allocate(layers, budget)
        monkeypatch.setattr(allocation, "PARETO_FRONT_SIZE", 60)
        near = allocate(layers, budget)
        monkeypatch.undo()
        errors = [sum(layer[pick].error for layer, pick in zip(layers, picks, strict=True)) for picks in (best, near)]
        assert sum(layer[pick].cost for layer, pick in zip(layers, near, strict=True)) <= budget
        assert errors[0] <= errors[1] <= 1.1 * errors[0]


def test_a_budget_that_the_cheapest_just_meet():
    layers = [[Option(7, 0.1), Option(3, 0.9)], [Option(4, 0.5), Option(8, 0.0)]]
    assert allocate(layers, 7) == [1, 0]
    assert allocate(layers, 6) is None
    assert allocate(layers, 11) == [0, 0]
