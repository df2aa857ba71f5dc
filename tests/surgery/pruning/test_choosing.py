"""How many channels go: budgets, ratios, multiples."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from sepzoo import SepzooError, surgery
from sepzoo.analysis import profile
from sepzoo.surgery.pruning.choosing import by_budget
from sepzoo.surgery.pruning.costs import Costs
from sepzoo.surgery.pruning.coupling import couple
from sepzoo.surgery.pruning.importance import rank_by_scores
from sepzoo.surgery.pruning.removal import remove
from sepzoo.surgery.walk.plan import Plan
from tests.surgery.pruning import networks

MODELS = {make.__name__: make() for make in (networks.residual, networks.squeezed, networks.u_net, networks.grouped)}


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(MODELS)),
    share=st.floats(0.3, 1.0),
    allocation=st.sampled_from(["global", "uniform"]),
    multiple=st.sampled_from([1, 2, 3, 8]),
    seed=st.integers(0, 99),
)
def test_any_choice_keeps_the_budget_and_the_multiples(name, share, allocation, multiple, seed):
    model = MODELS[name]
    coupling = couple(Plan(model))
    costs = Costs(model, coupling)
    assert costs.whole == profile(model).macs
    rankings = rank_by_scores(coupling, np.random.default_rng(seed).uniform(size=coupling.count))
    options = {"allocation": allocation, "multiple": multiple, "most": 0.8}
    try:
        gone = by_budget(rankings, costs, share, **options)
    except SepzooError:
        assert share < (1.0 if multiple == 8 else 0.6)  # there it may be out of reach
        return
    assert costs.macs <= share * costs.whole
    assert len(set(gone.tolist())) == len(gone)
    for group in coupling.groups:
        left = len(set(group.sets.tolist()) - set(gone.tolist()))
        assert left >= max(1, 0.2 * len(group.sets))
        assert left == len(group.sets) or left * group.width % multiple == 0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", [0, 1])
def test_costs_are_those_of_the_network_that_is_built(name, seed):
    generator = np.random.default_rng(seed)
    plan = Plan(MODELS[name])
    coupling = couple(plan)
    gone = np.concatenate([generator.permutation(group.sets)[: len(group.sets) // 2] for group in coupling.groups])
    costs, removed = Costs(plan.model, coupling), np.zeros(coupling.count, bool)
    removed[gone] = True
    for part in np.array_split(generator.permutation(gone), 3):
        expected = costs.macs - costs.saved(part)
        costs.remove(part)
        assert costs.macs == expected
    remove(plan, coupling, removed)
    assert costs.macs == profile(plan.finish()[0]).macs


def stacked(*widths):
    stack = [layers.Conv2D(width, 1, name=f"conv{number}") for number, width in enumerate(widths)]
    return keras.Sequential([keras.Input((4, 4, 3)), *stack], name="stacked")


def widths_of(model):
    return [layer.filters for layer in model.layers]


def test_ratios_by_name_and_in_multiples():
    model = stacked(16, 24, 20, 5, 2)
    assert widths_of(surgery.prune_channels(model, ratios=0.25)[0]) == [12, 18, 15, 4, 2]
    assert widths_of(surgery.prune_channels(model, ratios={"conv[01]": 0.5, "conv1": 0.75})[0]) == [8, 6, 20, 5, 2]
    assert widths_of(surgery.prune_channels(model, ratios=0.4, multiple_of=8)[0]) == [8, 16, 16, 5, 2]
    assert widths_of(surgery.prune_channels(model, ratios=0.99)[0]) == [1, 1, 1, 1, 2]
    assert widths_of(surgery.prune_channels(model, ratios=0.5, keep="conv0")[0]) == [16, 12, 10, 3, 2]


def test_a_uniform_budget_takes_the_same_share_everywhere():
    report = surgery.prune_channels(stacked(40, 80, 60, 2), macs=0.5, allocation="uniform")[1]
    shares = [group.channels_after / group.channels_before for group in report.groups]
    assert max(shares) - min(shares) < 0.03
    assert 0.47 < report.macs_after / report.macs_before <= 0.5


def test_a_global_budget_takes_what_matters_least_for_its_cost():
    model = stacked(16, 16, 16, 2)
    for number, name in enumerate(("conv0", "conv1", "conv2")):
        kernel = model.get_layer(name).kernel
        strength = np.ones(16)
        if number == 1:
            strength[4:] = 1e-3  # twelve channels that say nothing
        kernel.assign(np.random.default_rng(0).normal(size=kernel.shape) * strength)
    pruned, _report = surgery.prune_channels(model, macs=0.36)
    assert widths_of(pruned) == [16, 4, 16, 2]


def test_nothing_goes_where_the_budget_is_all():
    model = stacked(8, 2)
    pruned, report = surgery.prune_channels(model, macs=1.0)
    assert widths_of(pruned) == [8, 2]
    assert "nothing was changed" in str(report)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ratios": {"conv7": 0.5}}, r"^unknown layer in ratios 'conv7'\. Did you mean conv"),
        ({"ratios": {"conv0": True}}, r"^expected ratios from 0 up to, not including, 1\. Received: ratios=\{"),
        ({"macs": 0.5, "multiple_of": 0}, r"^expected multiple_of as a number of channels, such as 8\. Received: 0\.$"),
        ({"macs": 0.5, "allocation": "even"}, r"^unknown allocation 'even'\. Known: global, uniform\.$"),
        ({"macs": 0.01}, r"can be reached by channels alone, here at least 0\.\d+\. Received: macs=0\.01\. Raise most"),
        (
            {"macs": 0.5, "keep": "conv*"},
            r"^expected channels that may go\. Received: macs=0\.5 of '\w+', where all",
        ),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(SepzooError, match=message):
        surgery.prune_channels(stacked(8, 8, 2), **arguments)


def test_a_model_of_open_size_has_no_budget():
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(8, 3), layers.Conv2D(2, 3)])
    with pytest.raises(
        SepzooError, match=r"^expected a model of known input size, as channels are chosen by what they"
    ):
        surgery.prune_channels(model, macs=0.5)
    assert widths_of(surgery.prune_channels(model, ratios=0.5)[0]) == [4, 2]
