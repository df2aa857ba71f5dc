"""Spatial and channel decomposition, alone and with decoupling."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.analysis import profile
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import decompose_channels, decompose_spatially, decouple
from sepzoo.surgery.algebra.response_maps import fit_response_map, fit_through_relu
from tests.models import shared
from tests.surgery.images import smooth
from tests.surgery.networks import nested, single, stack

BOTH = (decompose_spatially, decompose_channels)
FORMS = {
    "plain": {},
    "strided": {"strides": 2, "padding": "same"},
    "dilated": {"dilation_rate": 2, "activation": "relu", "use_bias": False},
    "uneven": {"kernel_size": (3, 5), "strides": (2, 1), "padding": "same"},
}


@pytest.mark.parametrize("decompose", BOTH)
@pytest.mark.parametrize("form", FORMS)
def test_full_rank_is_exact(form, decompose, randomize, outputs_of, fingerprint):
    model = randomize(single(**FORMS[form]))
    before = fingerprint(model)
    new, report = decompose(model, ratio=0.01, only_if_cheaper=False)
    assert fingerprint(model) == before
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5 * np.abs(outputs_of(model)[0]).max())
    assert len(new.layers) == 2
    assert report.macs_after == profile(new).macs


def test_channels_between_are_those_of_the_papers():
    model = single(shape=(9, 8, 64), filters=128)
    spatial, channels = decompose_spatially(model, ratio=2.0)[0], decompose_channels(model, ratio=2.0)[0]
    assert spatial.get_layer("conv_vertical").filters == 64 * 128 * 9 // (2 * (3 * 64 + 3 * 128))
    assert channels.get_layer("conv_reduced").filters == 64 * 128 * 9 // (2 * (9 * 64 + 128))


@pytest.mark.parametrize("decompose", BOTH)
def test_the_error_is_that_of_the_singular_values(decompose, randomize):
    model = randomize(single())
    kernel = model.get_layer("conv").get_weights()[0].astype("float64")
    new, report = decompose(model, ratio=1.5)
    first, second = (layer.get_weights()[0] for layer in new.layers)
    if decompose is decompose_spatially:
        found = np.einsum("hir,wro->hwio", first[:, 0], second[0])
        matrix = kernel.transpose(0, 2, 1, 3).reshape(15, 21)
    else:
        found, matrix = first @ second[0, 0], kernel.reshape(45, 7)
    squared_error = np.sum(np.linalg.svd(matrix, compute_uv=False)[first.shape[-1] :] ** 2)
    np.testing.assert_allclose(np.sum((found - kernel) ** 2), squared_error, rtol=1e-4)
    assert report.changes[0].action.endswith(f"kernel error {squared_error / np.sum(kernel**2):.4f}")


@pytest.mark.parametrize("decompose", BOTH)
def test_samples_make_it_better_through_the_depth(decompose, randomize):
    model = randomize(stack())
    images = smooth((12, 12, 6), count=96)
    new, report = decompose(model, ratio=3.0, data=images)
    gains = []
    for change in report.changes:
        if "output error" in change.action:
            error, free = (float(word.strip(",()")) for word in change.action.split()[-3::2])
            assert error <= free
            gains.append(free - error)
    assert len(gains) == 3
    assert sum(gains) > 0.01
    plain, _report = decompose(model, ratio=3.0)
    expected = keras.ops.convert_to_numpy(model(images))
    gaps = [np.mean((keras.ops.convert_to_numpy(each(images)) - expected) ** 2) for each in (new, plain)]
    assert gaps[0] < gaps[1]


@pytest.mark.parametrize("decompose", BOTH)
def test_with_decoupling_both_factors_are_separated_where_it_pays(decompose, randomize, outputs_of):
    model = randomize(stack(widths=(24, 32, 32)))
    between, _report = decompose(model, ratio=1.5)
    new, report = decouple(between, terms=1)
    kinds = {layer.name: type(layer).__name__ for layer in new.layers}
    if decompose is decompose_spatially:
        assert kinds["conv3_vertical"] == kinds["conv3_horizontal"] == "FactorizedConv2D"
    else:
        assert (kinds["conv3_reduced"], kinds["conv3_pointwise"]) == ("FactorizedConv2D", "Conv2D")
    assert report.macs_after < report.macs_before < profile(model).macs
    exact, _report = decouple(between, terms=9, only_if_cheaper=False)
    np.testing.assert_allclose(outputs_of(exact)[0], outputs_of(between)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("decompose", BOTH)
@pytest.mark.parametrize("make", [shared, nested])
def test_shared_layers_and_nested_models(decompose, make, randomize, outputs_of):
    model = randomize(make())
    new, _report = decompose(model, ratio=0.01, only_if_cheaper=False)
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5 * np.abs(outputs_of(model)[0]).max())


@pytest.mark.parametrize("decompose", BOTH)
def test_what_would_get_more_expensive_stays(decompose):
    report = decompose(single(), ratio=0.5)[1]
    assert report.changes[0].skipped.startswith("its two factors would take no fewer than its ")
    flat = decompose_spatially(single(kernel_size=(1, 5)))[1]
    assert flat.changes[0].skipped == "its window is 1 x 5 already"


@pytest.mark.parametrize("decompose", BOTH)
def test_bad_arguments(decompose):
    with pytest.raises(SepzooError, match=r"expected a ratio above 0, by which weights shrink\. Received: ratio=0"):
        decompose(single(), ratio=0)
    with pytest.raises(SepzooError, match="expected samples of shape"):
        decompose(single(), data=np.zeros((3, 4)))


def test_behind_a_relu_the_alternation_is_better():
    generator = np.random.default_rng(0)
    wanted = generator.normal(size=(400, 6)) - 0.5
    now = wanted + 0.1 * generator.normal(size=wanted.shape)
    linear, bent = fit_response_map(now, wanted, 3), fit_through_relu(now, wanted, 3)
    assert bent.error(now, wanted, through_relu=True) < 0.95 * linear.error(now, wanted, through_relu=True)
    assert linear.error(now, wanted, through_relu=False) < bent.error(now, wanted, through_relu=False)
