"""Dense convolutions as sums of separable ones: exact at full rank, as far off as reported below it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.analysis import profile
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import decouple, to_keras
from tests.models import shared
from tests.surgery.networks import nested, single, stack

ORDERS = ("pw_dw", "dw_pw")
FORMS = {
    "plain": {},
    "strided": {"strides": 2, "padding": "same"},
    "dilated": {"dilation_rate": 2},
    "uneven": {"kernel_size": (3, 1), "strides": (2, 1), "padding": "same"},
    "wide": {"kernel_size": 5, "padding": "same", "use_bias": False},
    "active": {"activation": "relu"},
    "one_filter": {"filters": 1},
    "one_input": {"shape": (9, 8, 1)},
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", FORMS)
def test_all_terms_are_exact(form, order, randomize, outputs_of, fingerprint):
    model = randomize(single(**FORMS[form]))
    before = fingerprint(model)
    new, report = decouple(model, order=order, terms=99, only_if_cheaper=False)
    assert fingerprint(model) == before
    expected = outputs_of(model)[0]
    np.testing.assert_allclose(outputs_of(new)[0], expected, atol=1e-5 * np.abs(expected).max())
    assert [layer.name for layer in new.layers] == ["conv"]
    height, width, inputs, filters = model.get_layer("conv").kernel.shape
    assert (
        report.layers[0].terms == report.layers[0].rank == min(inputs if order == "pw_dw" else filters, height * width)
    )
    assert report.macs_after == profile(new).macs == report.uniform[-1].macs


@pytest.mark.parametrize(("order", "kind"), [("pw_dw", "FactorizedConv2D"), ("dw_pw", "SeparableConv2D")])
@pytest.mark.parametrize("terms", [1, 3])
def test_the_error_is_that_of_the_singular_values(order, kind, terms, randomize):
    model = randomize(single())
    kernel = model.get_layer("conv").get_weights()[0].astype("float64")
    new, report = decouple(model, order=order, terms=terms, only_if_cheaper=False)
    layer = new.get_layer("conv")
    assert type(layer).__name__ == kind
    axis = 3 if order == "pw_dw" else 2
    squared_error = sum(
        np.sum(np.linalg.svd(np.take(kernel, c, axis=axis).reshape(9, -1), compute_uv=False)[terms:] ** 2)
        for c in range(kernel.shape[axis])
    )
    impulses = np.zeros((5, 5, 5, 5), "float32")  # one input channel each, at the centre of the image
    impulses[range(5), 2, 2, range(5)] = 1
    answer = keras.ops.convert_to_numpy(layer(impulses)) - layer_bias(model)
    seen = np.flip(answer, (1, 2)).transpose(1, 2, 0, 3)
    np.testing.assert_allclose(np.sum((seen - kernel) ** 2), squared_error, rtol=1e-4)
    np.testing.assert_allclose(report.layers[0].kernel_error, squared_error / np.sum(kernel**2), rtol=1e-6)
    assert report.total_error == report.layers[0].kernel_error


def layer_bias(model):
    return model.get_layer("conv").get_weights()[1]


def test_the_separable_layer_holds_channel_after_channel():
    model = single()
    new, _report = decouple(model, order="dw_pw", terms=2)
    assert new.get_layer("conv").depth_multiplier == 2
    assert new.get_layer("conv").depthwise_kernel.shape == (3, 3, 5, 2)


@pytest.mark.parametrize("order", ORDERS)
def test_batch_norm_goes_into_the_terms(order, randomize, outputs_of):
    model = randomize(stack())
    new, report = decouple(model, order=order, energy=1.0, only_if_cheaper=False)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in new.layers)
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], rtol=1e-4, atol=1e-4)
    assert [each.layer for each in report.layers] == ["conv1", "conv2", "conv3"]
    assert (report.params_before, report.params_after) == (model.count_params(), new.count_params())
    assert report.changes[0].action == "takes over 'bn1'"


@pytest.mark.parametrize("make", [shared, nested])
@pytest.mark.parametrize("order", ORDERS)
def test_shared_layers_and_nested_models(make, order, randomize, outputs_of):
    model = randomize(make())
    new, report = decouple(model, order=order, terms=9, only_if_cheaper=False)
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5 * np.abs(outputs_of(model)[0]).max())
    assert report.macs_after == profile(new).macs == report.uniform[-1].macs
    assert report.layers[0].layer == ("net/conv" if make is nested else "conv")


def test_the_result_opens_in_stock_layers(randomize, outputs_of):
    new, _report = decouple(randomize(single()), terms=2)
    builtin, _report = to_keras(new)
    np.testing.assert_allclose(outputs_of(builtin)[0], outputs_of(new)[0], atol=1e-5)
    assert [layer.name for layer in builtin.layers if "conv_" in layer.name] == [
        *("conv_pointwise_1", "conv_pointwise_2", "conv_depthwise_1", "conv_depthwise_2", "conv_sum")
    ]


def test_flags_penalties_and_precision_are_kept():
    model = single(kernel_regularizer=keras.regularizers.L2(0.5), bias_regularizer="l1", dtype="mixed_bfloat16")
    model.get_layer("conv").trainable = False
    for order in ORDERS:
        layer = decouple(model, order=order, terms=2)[0].get_layer("conv")
        assert layer.pointwise_regularizer.l2 == layer.depthwise_regularizer.l2 == 0.5
        assert isinstance(layer.bias_regularizer, keras.regularizers.L1)
        assert layer.dtype_policy.name == "mixed_bfloat16"
        assert not layer.trainable


def test_the_energy_decides_as_the_paper_says(randomize):
    model = randomize(single())
    kernel = model.get_layer("conv").get_weights()[0].astype("float64")
    squares = np.stack([np.linalg.svd(kernel[..., o].reshape(9, 5), compute_uv=False) ** 2 for o in range(7)])
    mean = np.mean(np.cumsum(squares, axis=1) / squares.sum(axis=1, keepdims=True), axis=0)
    for energy in (0.4, 0.6, 0.8, 0.95):
        report = decouple(model, energy=energy, only_if_cheaper=False)[1]
        assert report.layers[0].terms == 1 + np.sum(mean < energy)


def test_filters_of_zeros_do_not_count(randomize, outputs_of):
    model = randomize(single())
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[..., :3] = 0
    kernel[..., 3:] = np.ones((3, 3, 5, 1))
    model.get_layer("conv").set_weights([kernel, bias])
    for order in ORDERS:
        new, report = decouple(model, order=order, only_if_cheaper=False)
        assert report.layers[0].terms == 1
        np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)
    model.get_layer("conv").set_weights([np.zeros_like(kernel), bias])
    assert decouple(model)[1].total_error == 0.0


def test_a_budget_needs_convolutions_that_gain():
    model = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 1, name="one")])
    with pytest.raises(
        SepzooError, match=r"^expected dense k x k convolutions to separate\. Received: macs=0\.5 for a"
    ):
        decouple(model, macs=0.5)
    three = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 3, name="three")])
    with pytest.raises(SepzooError, match=r"none but those that are kept by name\. Keep fewer layers, or leave the"):
        decouple(three, macs=0.5, keep=["thr*"])
    narrow = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3, name="narrow")])
    with pytest.raises(
        SepzooError, match=r"that separable ones are cheaper than\. Received: 1 that get no cheaper, and"
    ):
        decouple(narrow, macs=0.5)


def test_what_would_get_more_expensive_stays_dense():
    report = decouple(single(shape=(9, 8, 3), filters=4), terms=3)[1]
    assert report.layers == ()
    assert report.changes[0].skipped == "so many terms would take no fewer than its 4,536 MACs"
    assert report.macs_after == report.macs_before


def test_names_and_patterns_are_kept():
    report = decouple(stack(), terms=2, keep=("conv1", "*3"), only_if_cheaper=False)[1]
    assert [each.layer for each in report.layers] == ["conv2"]
    assert [change.layer for change in report.changes if change.skipped == "it was to be kept"] == ["conv1", "conv3"]


def test_what_is_no_dense_convolution_is_said():
    x = keras.Input((8, 8, 4))
    y = layers.Conv2D(8, 3, groups=2, name="grouped")(x)
    y = layers.Conv2D(8, 1, name="pointwise")(y)
    y = layers.Conv2D(8, 3, kernel_constraint="max_norm", name="bounded")(y)
    report = decouple(keras.Model(x, y))[1]
    assert [(change.layer, change.skipped) for change in report.changes] == [
        ("grouped", "it has 2 groups"),
        ("pointwise", "it is 1 x 1"),
        ("bounded", "its kernel is constrained (MaxNorm), which factors can't be alike"),
    ]


def test_open_sizes(randomize):
    model = randomize(single(shape=(None, None, 16), filters=16, padding="same"))
    new, report = decouple(model, terms=2)
    assert report.layers[0].terms == 2
    assert (report.macs_before, report.uniform) == (None, ())
    assert new(np.zeros((1, 5, 6, 16))).shape == (1, 5, 6, 16)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"terms": 0}, "expected at least 1 term. Received: terms=0. 9 are exact for a 3 x 3 kernel."),
        ({"energy": 1.5}, "expected an energy above 0 and up to 1. Received: energy=1.5."),
        ({"macs": 0.0}, "expected a share of the MACs above 0 and up to 1. Received: macs=0.0."),
        ({"macs": True}, "expected a share of the MACs above 0 and up to 1. Received: macs=True."),
        ({"macs": "0.5"}, "expected a share of the MACs above 0 and up to 1. Received: macs='0.5'."),
        ({"energy": float("nan")}, "expected an energy above 0 and up to 1. Received: energy=nan."),
        ({"macs": 0.5, "terms": 2}, "expected terms or macs. Received: both, terms=2 and macs=0.5."),
        ({"order": "pw"}, "expected an order 'pw_dw' or 'dw_pw'. Received: order='pw'."),
        ({"keep": "cnv1"}, "unknown layer to keep 'cnv1'. Did you mean conv1, conv3, conv2?"),
        ({"macs": 0.01}, "expected a share of the MACs that can be reached, here "),
        (
            {"data": np.zeros((4, 12, 12, 3))},
            "expected samples of shape (n, 12, 12, 6) for 'stack', at least one. Received: float64 of shape "
            "(4, 12, 12, 3).",
        ),
        ({"data": np.full((4, 12, 12, 6), np.nan)}, "expected finite samples for 'stack'. Received: NaN or infinite"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(SepzooError) as error:
        decouple(stack(), **arguments)
    assert str(error.value).startswith(text)


@pytest.mark.parametrize("order", ORDERS)
def test_the_least_share_is_named_and_can_be_reached(randomize, order):
    model = randomize(stack())
    with pytest.raises(SepzooError) as error:
        decouple(model, order=order, macs=0.01)
    named = float(str(error.value).split("here ")[1].split()[0])
    assert decouple(model, order=order, macs=named)[1].macs_after <= named * decouple(model, terms=1)[1].macs_before


@pytest.mark.parametrize("order", ORDERS)
def test_a_budget_of_what_equal_terms_cost_is_met_at_no_larger_error(randomize, order):
    model = randomize(stack())
    uniform = decouple(model, order=order, terms=1)[1].uniform
    whole = decouple(model, order=order, terms=1)[1].macs_before
    for choice in (choice for choice in uniform if choice.macs < whole):
        report = decouple(model, order=order, macs=choice.macs / whole)[1]
        assert report.macs_after <= choice.macs
        assert report.total_error <= choice.error


def test_bad_models():
    model = single()
    model.get_layer("conv").set_weights([np.full((3, 3, 5, 7), np.inf), np.zeros(7)])
    with pytest.raises(SepzooError, match="Received: NaN or infinite values in 'conv'"):
        decouple(model)
    with pytest.raises(SepzooError, match="expected a model that is built"):
        decouple(keras.Sequential([layers.Conv2D(3, 3)]))
    with pytest.raises(SepzooError, match="expected a model of known input size, as macs= is a share"):
        decouple(single(shape=(None, None, 5)), macs=0.5)
    with pytest.raises(SepzooError, match="expected samples of each input of"):
        decouple(shared(5, 7), data=np.zeros((2, 8, 8, 5)))
