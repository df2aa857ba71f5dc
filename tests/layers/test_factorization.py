"""The record: what each kind computes, by hand-made counts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepzoo.layers import PRESETS, Factorization, factorization
from sepzoo.support.errors import SepzooError

CHANNELS, FILTERS, AREA = 64, 128, 9


@pytest.mark.parametrize(
    ("kind", "options", "weights"),
    [
        ("regular", {}, CHANNELS * FILTERS * AREA),
        ("separable", {}, CHANNELS * AREA + CHANNELS * FILTERS),
        ("separable", {"order": "pw_dw"}, CHANNELS * FILTERS + FILTERS * AREA),
        ("separable", {"terms": 3}, 3 * (CHANNELS * AREA + CHANNELS * FILTERS)),
        ("separable", {"terms": 3, "order": "pw_dw"}, 3 * (CHANNELS * FILTERS + FILTERS * AREA)),
        ("bsconv_u", {}, CHANNELS * FILTERS + FILTERS * AREA),
        ("bsconv_s", {"p": 0.25}, CHANNELS * 16 + 16 * FILTERS + FILTERS * AREA),
        ("inception", {"segments": 4}, CHANNELS * FILTERS + FILTERS * FILTERS // 4 * AREA),
        ("resnext", {"cardinality": 8, "width": 0.5}, CHANNELS * 64 + 64 * 64 // 8 * AREA + 64 * FILTERS),
        ("hybrid", {"width": 0.5}, CHANNELS * 64 + 64 * AREA + 64 * FILTERS),
    ],
)
def test_weights_of_each_kind(kind, options, weights):
    assert factorization(kind, **options).weights(CHANNELS, FILTERS, AREA) == weights


STEPS = {
    "regular": ["conv 8 16 1 k"],
    "separable": ["depthwise 8 8 8 k", "pointwise 8 16 1 1"],
    "bsconv_u": ["pointwise 8 16 1 1", "depthwise 16 16 16 k"],
    "bsconv_s": ["pointwise_1 8 4 1 1", "pointwise_2 4 16 1 1", "depthwise 16 16 16 k"],
    "inception": ["pointwise 8 16 1 1", "grouped 16 16 4 k"],
    "resnext": ["pointwise_1 8 8 1 1", "depthwise 8 8 8 k", "pointwise_2 8 16 1 1"],
    "hybrid": ["pointwise_1 8 8 1 1", "depthwise 8 8 8 k", "pointwise_2 8 16 1 1"],
}


def steps_of(record, channels, filters):
    """Name, channels before and behind, groups and window of each step."""
    steps = record.steps(channels, filters)
    return [f"{s.name} {s.inputs} {s.outputs} {s.groups} {'k' if s.spatial else 1}" for s in steps]


def test_steps_of_each_kind():
    assert {kind: steps_of(factorization(kind), 8, 16) for kind in PRESETS} == STEPS


def test_steps_of_records():
    between = {"groups": "channels", "expand": True, "reduce": 0.0}
    assert steps_of(Factorization("own", **between), 8, 16)[0] == "pointwise_1 8 1 1 1"
    assert steps_of(Factorization("own", order="dw_pw", terms=2, **between), 8, 16) == [
        "pointwise_1 8 1 1 1",
        "depthwise 1 2 1 k",
        "pointwise_2 2 16 1 1",
    ]
    assert steps_of(Factorization("own", reduce=0.5), 8, 16) == ["pointwise 8 4 1 1", "conv 4 16 1 k"]
    assert steps_of(Factorization("own", groups=2, terms=3), 8, 16) == ["grouped 8 48 2 k"]


@pytest.mark.parametrize("kind", PRESETS)
def test_what_a_kind_says_without_options(kind):
    """The papers' own settings; what isn't named here is as in a dense convolution."""
    plain = {"kind": kind, "groups": 1, "order": "pw_dw", "expand": kind != "regular", "reduce": None}
    plain |= {"reduce_of": "channels", "min_mid_channels": 1, "terms": 1}
    plain |= {"batch_norm": False, "activation": None, "orthonormal": 0.0}
    bottleneck = {"order": "dw_pw", "reduce": 0.5, "reduce_of": "filters"}
    own = {
        "separable": {"groups": "channels", "order": "dw_pw"},
        "bsconv_u": {"groups": "channels"},
        "bsconv_s": {"groups": "channels", "reduce": 0.25, "min_mid_channels": 4, "orthonormal": 0.1},
        "inception": {"groups": 4},
        "resnext": {"groups": 8, **bottleneck},
        "hybrid": {"groups": "channels", **bottleneck},
    }
    assert factorization(kind).to_config() == plain | own.get(kind, {})


def test_reduced_widths_are_rounded_up_to_whole_groups():
    assert factorization("bsconv_s", p=0.25).steps(50, 8)[0].outputs == 13
    for width, expected in {0.01: 8, 0.08: 8, 0.09: 16, 0.5: 48, 1.0: 96}.items():
        assert factorization("resnext", cardinality=8, width=width).steps(24, 96)[0].outputs == expected


@pytest.mark.parametrize(("channels", "quarter", "eighth"), [(3, 3, 3), (16, 4, 4), (32, 8, 4), (64, 16, 8)])
def test_mid_channels_of_bsconv_s(channels, quarter, eighth):
    for p, expected in ((1 / 4, quarter), (1 / 8, eighth)):
        assert factorization("bsconv_s", p=p).steps(channels, 32)[0].outputs == expected


@given(p=st.floats(0, 1), channels=st.integers(1, 512))
def test_mid_channels_stay_between_the_least_and_all(p, channels):
    mid = factorization("bsconv_s", p=p, min_mid_channels=4).steps(channels, 8)[0].outputs
    assert min(4, channels) <= mid <= channels


def test_separable_pointwise_first_is_bsconv_u():
    assert factorization("separable", order="pw_dw").steps(8, 16) == factorization("bsconv_u").steps(8, 16)


@pytest.mark.parametrize("kind", PRESETS)
def test_record_round_trips_through_json(kind):
    record = factorization(kind)
    assert Factorization.from_config(json.loads(json.dumps(record.to_config()))) == record


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        ("bsconvu", {}, "unknown kind of convolution 'bsconvu'. Did you mean bsconv_u"),
        ("bsconv_s", {"q": 0.5}, "unknown option of kind 'bsconv_s': 'q'. Known: batch_norm, min_mid_channels"),
        ("bsconv_s", {"p": 1.5}, "expected a ratio of mid channels in 0 … 1. Received: p=1.5."),
        ("bsconv_s", {"p": -0.1}, "Received: p=-0.1."),
        ("bsconv_s", {"orthonormal": -0.5}, "orthonormal=-0.5"),
        ("resnext", {"width": 1.5}, "expected a ratio of mid channels in 0 … 1. Received: width=1.5. width=0 keeps"),
        ("separable", {"order": "both"}, "unknown order of kind 'separable': 'both'. Known: dw_pw, pw_dw."),
        ("separable", {"terms": 0}, "expected terms of at least 1. Received: terms=0."),
    ],
)
def test_what_is_refused_is_said(kind, options, text):
    with pytest.raises(SepzooError) as raised:
        factorization(kind, **options)
    assert text in str(raised.value)


def test_groups_that_do_not_divide_are_refused_with_the_nearest():
    with pytest.raises(SepzooError) as raised:
        Factorization("own", groups=5, expand=True).steps(8, 16)
    assert "Received: 5" in str(raised.value)
    assert "The nearest that do: 2, 4." in str(raised.value)


@pytest.mark.parametrize(
    ("groups", "channels", "filters", "nearest"),
    [(2, 3, 9, "1, 3"), (2, 8, 9, "1"), (2, 9, 8, "1"), (4, 8, 6, "1, 2"), (4, 6, 8, "1, 2"), (7, 12, 24, "4, 6")],
)
def test_groups_must_divide_the_channels_on_both_sides(groups, channels, filters, nearest):
    with pytest.raises(SepzooError) as raised:
        Factorization("own", groups=groups).steps(channels, filters)
    assert str(raised.value).endswith(f"Received: {groups}. The nearest that do: {nearest}.")


@pytest.mark.parametrize("groups", [0, -1, 1.5, "all", None])
def test_groups_are_a_number_or_all_channels(groups):
    with pytest.raises(SepzooError) as raised:
        Factorization("own", groups=groups)
    assert str(raised.value) == f"expected a number of groups, or 'channels'. Received: groups={groups!r}."


def test_a_record_takes_no_options():
    with pytest.raises(SepzooError, match="expected no options beside a Factorization"):
        factorization(factorization("regular"), p=0.5)
