"""What decoupling costs: the table that the formula gives for three networks, and what the layers really take."""

from __future__ import annotations

import math

import keras
import pytest

from sepzoo import applications
from sepzoo.analysis import profile
from sepzoo.layers import factorization
from sepzoo.surgery import decouple, sites
from sepzoo.surgery.approximate.dense_convolutions import dense_convs
from sepzoo.surgery.walk.plan import Plan

GIGA = 1e9
# Multiply-accumulates of the convolutions at 224 x 224, full and for T = 1 … 6, a layer kept regular when more
# expensive. The formula counts the 1 x 1 step at the output's resolution. In a strided layer it runs at the input's,
# padding included.
TABLE = {
    "vgg16": (("stage1_conv1",), 15.35, (1.88, 3.66, 5.45, 7.24, 9.03, 10.82)),
    "vgg16_masked": (("stage1_conv1", "stage5_*"), 15.35, (3.11, 4.74, 6.37, 8.00, 9.63, 11.26)),
    "resnet18": (("stem",), 1.814, (0.337, 0.537, 0.737, 0.936, 1.136, 1.336)),
    "resnet50": (("stem",), 3.856, (2.224, 2.442, 2.660, 2.878, 3.096, 3.314)),
}
AT_INPUT_RESOLUTION = {"resnet18": (0.408, 0.668, 0.848, 1.027, 1.205, 1.384)}


def convolutions(model):
    return sum(
        math.prod(site.layer.kernel.shape) * math.prod(site.output_shape[1:3])
        for site in sites(model)
        if isinstance(site.layer, keras.layers.Conv2D)
    )


def by_formula(dense, terms):
    """T (k * k + inputs) filters pixels."""
    filters = dense.site.layer.filters
    area = math.prod(dense.site.layer.kernel_size)
    return min(dense.macs, terms * (area + dense.channels) * filters * dense.output_positions)


def as_built(dense, terms):
    return min(dense.macs, dense.macs_as(factorization("separable", terms=terms, order="pw_dw")))


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_the_cost_table(name):
    keep, full, decoupled = TABLE[name]
    model = applications.build(name.split("_")[0], input_shape=(224, 224, 3), include_top=False)
    whole = convolutions(model)
    digits = 2 if full > 10 else 3
    assert round(whole / GIGA, digits) == full
    candidates = dense_convs(Plan(model), keep)
    rest = whole - sum(dense.macs for dense in candidates)
    for cost, expected in ((by_formula, decoupled), (as_built, AT_INPUT_RESOLUTION.get(name, decoupled))):
        found = [rest + sum(cost(dense, terms) for dense in candidates) for terms in range(1, 7)]
        assert [round(macs / GIGA, digits) for macs in found] == list(expected)


@pytest.mark.slow
def test_a_real_network_costs_what_the_table_says(randomize, outputs_of):
    model = randomize(applications.build("cifar_resnet20"))
    candidates = dense_convs(Plan(model))
    for terms in (1, 4):
        new, report = decouple(model, terms=terms)
        expected = profile(model).macs + sum(as_built(dense, terms) - dense.macs for dense in candidates)
        assert profile(new).macs == report.macs_after == expected
        assert report.uniform[terms - 1].macs == expected


@pytest.mark.slow
@pytest.mark.parametrize("order", ["pw_dw", "dw_pw"])
def test_a_real_network_is_exact_with_nine_terms(order, randomize, outputs_of):
    model = applications.build("cifar_resnet20", classifier_activation=None)
    new, report = decouple(model, order=order, terms=9, only_if_cheaper=False)
    assert len(report.layers) == 19
    assert [each.terms for each in report.layers] == [3 if order == "pw_dw" else 9, *[9] * 18]
    expected = outputs_of(model)[0]
    assert abs(outputs_of(new)[0] - expected).max() < 1e-5 * abs(expected).max()


@pytest.mark.parametrize("share", [0.6, 0.4])
def test_a_backbone_of_any_size_costs_what_it_does_where_it_stands(share):
    """As `keras.applications` builds one without the top: its own graph says no sizes."""
    layers = keras.layers
    row = [
        layers.Conv2D(16, 3, padding="same", name="large"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, name="small"),
    ]
    backbone = keras.Sequential([keras.Input((None, None, 3)), *row], name="backbone")
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(backbone(image))))
    large, small = dense_convs(Plan(model))
    assert (large.macs, small.macs) == (32 * 32 * 27 * 16, 14 * 14 * 9 * 16 * 16)
    new, report = decouple(model, macs=share)
    assert profile(new).macs == report.macs_after <= share * report.macs_before
    assert 0.7 * share * report.macs_before < report.macs_after
    assert report.macs_before == profile(model).macs
    again, even = decouple(model, terms=1)
    assert even.macs_after == profile(again).macs
    assert f"{even.macs_after:,}" in str(even).split("in every layer:")[1].splitlines()[2]
