"""A budget spread at the least total error."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepzoo.analysis import profile
from sepzoo.surgery import decouple
from sepzoo.surgery.algebra.allocation import PARETO_FRONT_SIZE, Option, allocate
from tests.surgery.algebra.test_regression import smooth
from tests.surgery.networks import nested, stack

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


@pytest.mark.parametrize("order", ["pw_dw", "dw_pw"])
@pytest.mark.parametrize("data", [None, smooth((12, 12, 6))], ids=["data_free", "data"])
def test_a_budget_beats_equal_terms_of_the_same_cost(order, data, randomize):
    model = randomize(stack())
    whole = profile(model).macs
    uniform = decouple(model, order=order, terms=2, data=data)[1].uniform
    for choice in uniform[1:4]:
        new, report = decouple(model, order=order, macs=choice.macs / whole + 1e-9, data=data)
        assert profile(new).macs == report.macs_after <= choice.macs
        same = next(each for each in report.uniform if each.terms == choice.terms)
        assert report.total_error <= same.error
        assert report.total_error == pytest.approx(sum(each.kernel_error for each in report.layers)) or data is not None


def test_the_whole_budget_leaves_all_dense(randomize):
    model = randomize(stack())
    new, report = decouple(model, macs=1.0)
    assert report.total_error == 0.0
    assert [change.skipped for change in report.changes if change.skipped] == ["the budget leaves it dense"] * 3
    assert profile(new).macs == profile(model).macs


def test_layers_that_run_twice_are_counted_twice(randomize):
    model = randomize(nested())
    new, report = decouple(model, macs=0.7, order="dw_pw")
    assert profile(new).macs <= 0.7 * profile(model).macs
    assert report.macs_before == profile(model).macs


def test_the_report_shows_equal_terms_beside_the_budget(randomize):
    report = decouple(randomize(stack()), macs=0.6)[1]
    text = str(report)
    assert f"total error {report.total_error:.4f}; with the same number of terms in every layer:" in text
    assert text.splitlines()[-9].split() == ["1", f"{report.uniform[0].macs:,}", f"{report.uniform[0].error:.4f}"]
    assert '"kernel_error"' in report.to_json()


def test_keras_is_not_asked_for_more_than_it_has():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="fc")])
    new, report = decouple(model, macs=1.0)
    assert (report.layers, report.uniform, report.total_error) == ((), (), 0)
    assert [layer.name for layer in new.layers] == ["fc"]
