"""What says that it loses nothing is checked before anybody gets it."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo import surgery
from sepzoo.layers import BSConvS, BSConvU
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import Part, Replacement, fold_batch_norm
from sepzoo.surgery.exact.affine import Affine
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.verification import SameOutputs

SHAPE = (9, 8, 6)
CASES = {
    "fold_batch_norm": (lambda: [layers.Conv2D(5, 3, name="f"), layers.BatchNormalization(name="bn")], "'f', 'bn'"),
    "fold_leading_batch_norm": (
        lambda: [layers.BatchNormalization(name="bn"), layers.Conv2D(5, 3, name="f")],
        "'bn', 'f'",
    ),
    "split_separable": (lambda: [layers.SeparableConv2D(5, 3, name="c")], "'c'"),
    "merge_separable": (lambda: [layers.DepthwiseConv2D(3, name="d"), layers.Conv2D(5, 1, name="p")], "'d', 'p'"),
    "fuse_pointwise": (lambda: [layers.Conv2D(6, 1, name="a"), layers.Conv2D(6, 1, name="b")], "'a', 'b'"),
}


def model_of(name):
    return keras.Sequential([keras.Input(SHAPE), *CASES[name][0]()])


@pytest.mark.parametrize("name", CASES)
def test_mixed_up_weights_are_caught(name, randomize, monkeypatch):
    check = SameOutputs.check

    def spoiled(self, row, replacement):
        for layer in (part.layer for part in replacement.parts):
            layer.set_weights([np.flip(weight, -1) for weight in layer.get_weights()])
        check(self, row, replacement)

    monkeypatch.setattr(SameOutputs, "check", spoiled)
    with pytest.raises(SepzooError) as error:
        getattr(surgery, name)(randomize(model_of(name)))
    start = f"expected the same outputs from what replaces {CASES[name][1]}, to 0.01 of a channel's largest. Received: "
    assert str(error.value).startswith(start)
    assert str(error.value).endswith(" of it off. No model is returned; please report this.")


@pytest.mark.parametrize("field", ["scale", "shift"])
def test_a_fold_that_is_wrong_in_one_channel_is_caught(field, randomize, monkeypatch):
    right = Affine.of

    def wrong(norm):
        affine = right(norm)
        return dataclasses.replace(affine, **{field: getattr(affine, field) * [1, 1, 1.2, 1, 1]})

    monkeypatch.setattr(Affine, "of", wrong)
    with pytest.raises(SepzooError, match="what replaces 'f', 'bn', to"):
        fold_batch_norm(randomize(model_of("fold_batch_norm")))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(name, value, randomize):
    model = randomize(model_of(name))
    last = model.layers[-1]
    last.set_weights([np.full(weight.shape, value) for weight in last.get_weights()])
    with pytest.raises(SepzooError) as error:
        getattr(surgery, name)(model)
    assert str(error.value) == (
        f"expected finite weights. Received: NaN or infinite values in {last.name!r}. "
        "Train the model again, or load another checkpoint."
    )


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", CASES)
def test_other_precisions_pass(name, policy, randomize, outputs_of):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = randomize(model_of(name))
    finally:
        keras.config.set_dtype_policy(before)
    new, report = getattr(surgery, name)(model)
    assert any(change.action for change in report.changes)
    expected = outputs_of(model)[0].astype("float32")
    np.testing.assert_allclose(outputs_of(new)[0].astype("float32"), expected, atol=0.05 * np.abs(expected).max())


def test_faint_and_dead_channels_pass_and_are_not_overlooked(randomize):
    model = randomize(model_of("fold_batch_norm"))
    kernel, bias = model.get_layer("f").get_weights()
    kernel[..., 0], bias[0] = 0.0, 0.0
    kernel[..., 1] *= 1e-20
    model.get_layer("f").set_weights([kernel, bias])
    gamma, beta, mean, variance = model.get_layer("bn").get_weights()
    model.get_layer("bn").set_weights([gamma * [1, 1, 1e-4, 1, 100], beta * 0, mean * 0, variance * [0, 0, 1, 1, 1]])
    assert len(fold_batch_norm(model)[0].layers) == 1


def test_the_original_keeps_no_trace_of_the_check(randomize, fingerprint):
    stack = [
        layers.Conv2D(6, 1, name="a"),
        layers.Conv2D(6, 1, activity_regularizer="l2", name="b"),
        layers.Dropout(0.5, seed=1),
    ]
    model = randomize(keras.Sequential([keras.Input(SHAPE), *stack]))
    before = fingerprint(model)
    new, _report = surgery.fuse_pointwise(model)
    assert fingerprint(model) == before
    assert model.losses == new.losses == []


@pytest.mark.parametrize("size", [(None, None, 6), (3, 3, 6), (1, 40, 6)])
def test_open_and_small_sizes(size, randomize):
    stack = [
        layers.Conv2D(8, 3, strides=2, padding="same", name="f"),
        layers.BatchNormalization(name="bn"),
    ]
    new, _report = fold_batch_norm(randomize(keras.Sequential([keras.Input(size), *stack])))
    assert [layer.name for layer in new.layers] == ["f"]


@pytest.mark.parametrize("make", [BSConvU, BSConvS])
@pytest.mark.parametrize("padding", ["valid", "same", "reflect"])
def test_expanded_layers_are_checked_too(make, padding, randomize, monkeypatch):
    conv = make(6, 3, padding="valid" if padding == "reflect" else padding, batch_norm=True, name="c")
    model = randomize(keras.Sequential([keras.Input(SHAPE), conv]))
    assert fold_batch_norm(model)[1].changes
    monkeypatch.setattr(
        "sepzoo.surgery.exact.folding.expanded", lambda site: Replacement((Part(renewed(site)),), "renewed")
    )
    with pytest.raises(SepzooError, match="from what replaces 'c', to"):
        fold_batch_norm(model)


def renewed(site):
    return type(site.layer).from_config(site.layer.get_config())


def test_outputs_of_another_shape_are_wrong(randomize):
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3, name="c")])
    other = layers.Conv2D(4, 3, strides=2, name="c")
    plan = Plan(model)
    (site,) = plan.sites
    plan.replace(site, Replacement((Part(other),), "strided"))
    with pytest.raises(SepzooError, match=r"Received: outputs that are inf of it off"):
        plan.carry_out()
