"""A pruned network answers like the original with the same channels at zero, and costs what it was to cost."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from sepzoo import applications, surgery
from sepzoo.analysis import profile
from tests.small import SMALL
from tests.surgery.pruning.masking import masked
from tests.surgery.pruning.networks import ALL, squeezed


def tamed(model):
    """Weights so small that the signal does not grow with the depth, whose values still tell channels apart."""
    for layer in model._flatten_layers():
        if layer.weights and type(layer) is not keras.layers.BatchNormalization and not isinstance(layer, keras.Model):
            layer.set_weights([weight * 0.4 for weight in layer.get_weights()])
    return model


def held(model, pruned, outputs_of):
    expected, found = outputs_of(masked(model, pruned)), outputs_of(pruned)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1.0, float(np.abs(other).max())))
        assert np.ptp(other) > 1e-6  # it says something


OTHERWISE = [{"ratios": 0.5}, {"macs": 0.7, "allocation": "uniform"}, {"macs": 0.8, "multiple_of": 2}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "settings"),
    [*((make, {"macs": 0.6}) for make in ALL), *((squeezed, settings) for settings in OTHERWISE)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_models_of_others(make, settings, randomize, outputs_of, fingerprint):
    model = randomize(make())
    before = fingerprint(model)
    pruned, report = surgery.prune_channels(model, **settings)
    assert fingerprint(model) == before
    assert report.macs_after == profile(pruned).macs < profile(model).macs == report.macs_before
    assert report.params_after == pruned.count_params() < model.count_params()
    held(model, pruned, outputs_of)
    if "macs" in settings:
        assert report.macs_after <= settings["macs"] * report.macs_before
    assert "sepzoo" not in json.dumps(pruned.get_config(), default=str)
    assert type(pruned) is type(model)
    assert pruned.output_shape == model.output_shape


LARGE = ("fractalnet", "hybrid_hypothesis", "quartznet", "resnet50", "xception")


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", [pytest.param(family, marks=[pytest.mark.nightly] if family in LARGE else []) for family in SMALL]
)
def test_every_family(family, randomize, outputs_of):
    name, arguments = SMALL[family]
    model = tamed(randomize(applications.build(name, **arguments)))
    own = any(type(layer).__module__.startswith("sepzoo.") for layer in model.layers)
    builtin = surgery.to_keras(model)[0] if own else model
    pruned, report = surgery.prune_channels(model, macs=0.6)
    held(builtin, pruned, outputs_of)
    assert 0.5 * report.macs_before < report.macs_after == profile(pruned).macs <= 0.6 * report.macs_before
    assert not any("is not known" in each.reason for each in report.kept)
