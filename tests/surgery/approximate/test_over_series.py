"""Dense convolutions over series: separated as those over images are, held against NumPy's decompositions."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from sepzoo.analysis import profile
from sepzoo.applications import build
from sepzoo.surgery import blueprint, decompose_channels, decompose_spatially, decouple, replace, to_keras
from tests.surgery.networks import over_series

ORDERS = ("pw_dw", "dw_pw")
FORMS = {
    "plain": {},
    "strided": {"strides": 2, "padding": "same"},
    "dilated": {"dilation_rate": 2, "padding": "same"},
    "even": {"kernel_size": 10, "padding": "same", "use_bias": False},
    "active": {"activation": "relu"},
    "one_filter": {"filters": 1},
    "one_input": {"shape": (20, 1)},
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", FORMS)
def test_all_terms_are_exact(form, order, randomize, outputs_of):
    model = randomize(over_series(**FORMS[form]))
    new, report = decouple(model, order=order, terms=99, only_if_cheaper=False)
    expected = outputs_of(model)[0]
    np.testing.assert_allclose(outputs_of(new)[0], expected, atol=1e-5 * np.abs(expected).max())
    window, inputs, filters = model.get_layer("conv").kernel.shape
    assert report.layers[0].terms == report.layers[0].rank == min(inputs if order == "pw_dw" else filters, window)
    assert report.macs_after == profile(new).macs


def kernel_seen(layer, bias, window, inputs):
    """The dense kernel of a layer, from its answers to an impulse in the middle of each channel."""
    impulses = np.zeros((inputs, 2 * window - 1, inputs), "float32")
    impulses[range(inputs), window - 1, range(inputs)] = 1
    return np.flip(to_numpy(layer(impulses)) - bias, 1).transpose(1, 0, 2)


@pytest.mark.parametrize(("order", "kind"), [("pw_dw", "FactorizedConv1D"), ("dw_pw", "SeparableConv1D")])
@pytest.mark.parametrize("terms", [1, 3])
def test_the_error_is_that_of_the_singular_values(order, kind, terms, randomize):
    model = randomize(over_series())
    kernel, bias = (weight.astype("float64") for weight in model.get_layer("conv").get_weights())
    new, report = decouple(model, order=order, terms=terms, only_if_cheaper=False)
    layer = new.get_layer("conv")
    assert type(layer).__name__ == kind
    matrices = np.moveaxis(kernel, 2 if order == "pw_dw" else 1, 0)
    squared_error = sum(np.sum(np.linalg.svd(matrix, compute_uv=False)[terms:] ** 2) for matrix in matrices)
    seen = kernel_seen(layer, bias, 9, 5)
    np.testing.assert_allclose(np.sum((seen - kernel) ** 2), squared_error, rtol=1e-4)
    np.testing.assert_allclose(report.layers[0].kernel_error, squared_error / np.sum(kernel**2), rtol=1e-6)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", [{}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2}])
def test_what_samples_say_of_the_error_is_measured_on_the_outputs(form, order, randomize):
    model = randomize(over_series(**form))
    series = np.cumsum(np.random.default_rng(0).normal(size=(50, 20, 5)), axis=1).astype("float32")
    free = decouple(model, order=order, terms=1, only_if_cheaper=False)[0]
    fitted, report = decouple(model, order=order, terms=1, only_if_cheaper=False, data=series)
    right, found, without = (to_numpy(each(series)).reshape(-1, 7).astype("float64") for each in (model, fitted, free))
    power = np.sum(np.var(right, axis=0))
    error, free_error = (np.mean(np.sum((each - right) ** 2, axis=1)) / power for each in (found, without))
    assert report.layers[0].output_error == pytest.approx(error, rel=1e-3)
    assert error < 0.9 * free_error


def test_blueprints_over_series(randomize):
    model = randomize(over_series(shape=(20, 8)))
    kernel, bias = (weight.astype("float64") for weight in model.get_layer("conv").get_weights())
    u, s, vt = np.linalg.svd(kernel.transpose(2, 1, 0), full_matrices=False)  # of each filter: inputs x window
    pointwise = (u[:, :, 0] * s[:, :1]).T
    left, values, right = np.linalg.svd(pointwise, full_matrices=False)
    for p, mid, kind in ((None, 8, "BSConvU1D"), (0.5, 4, "BSConvS1D")):
        layer = blueprint(model, p=p, min_mid_channels=2, only_if_cheaper=False)[0].get_layer("conv")
        assert type(layer).__name__ == kind
        matrix = (left[:, :mid] * values[:mid]) @ right[:mid]
        wanted = matrix[None] * vt[:, 0].T[:, None]
        np.testing.assert_allclose(kernel_seen(layer, bias, 9, 8), wanted, atol=1e-5)


def test_a_whole_network_stays_the_same(randomize, outputs_of):
    model = randomize(build("tc_resnet8", input_shape=(24, 6), channels=(8, 12), kernel_size=5, classes=3))
    new, report = decouple(model, energy=1.0, only_if_cheaper=False)
    expected = outputs_of(model)[0]
    np.testing.assert_allclose(outputs_of(new)[0], expected, rtol=1e-4, atol=1e-5)
    assert [each.layer for each in report.layers] == ["stem", *(f"stage{s}_conv{c}" for s in (1, 2) for c in (1, 2))]
    opened, _report = to_keras(new)
    np.testing.assert_allclose(outputs_of(opened)[0], expected, rtol=1e-4, atol=1e-5)


def test_initial_weights_of_another_kind():
    new, report = replace(over_series(), "bsconv_s", conv_options={"p": 0.25}, kernel_sizes=None, only_if_cheaper=False)
    assert type(new.layers[0]).__name__ == "BSConvS1D"
    assert replace(over_series(), "bsconv_u")[1].changes[0].skipped == "its window is 9"
    assert report.changes[0].action == "now bsconv_s, with initial weights"
    for sizes, taken in (([(9,)], True), ([(3, 3), [9]], True), ([(9, 1)], False), ([(9, 9), (3,)], False)):
        changes = replace(over_series(), "bsconv_u", kernel_sizes=sizes)[1].changes
        assert [bool(change.action) for change in changes] == [taken], sizes


@pytest.mark.parametrize(
    ("surgery", "form", "reason"),
    [
        (decouple, {"padding": "causal"}, "its padding is causal"),
        (decouple, {"kernel_size": 1}, "its window is 1"),
        (decouple, {"groups": 5, "filters": 10}, "it has 5 groups"),
        (decompose_channels, {}, "it is over series"),
        (decompose_spatially, {}, "it is over series"),
        (decompose_spatially, {"padding": "causal"}, "it is over series"),
        (decompose_channels, {"kernel_size": 1}, "it is over series"),
    ],
)
def test_what_stays_is_said(surgery, form, reason):
    model = over_series(**form)
    new, report = surgery(model)
    assert type(new.layers[0]) is keras.layers.Conv1D
    assert [change.skipped for change in report.changes] == [reason]
