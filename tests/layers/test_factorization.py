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
    ],
)
def test_weights_of_each_kind(kind, options, weights):
    assert factorization(kind, **options).weights(CHANNELS, FILTERS, AREA) == weights


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


def test_a_record_takes_no_options():
    with pytest.raises(SepzooError, match="expected no options beside a Factorization"):
        factorization(factorization("regular"), p=0.5)
