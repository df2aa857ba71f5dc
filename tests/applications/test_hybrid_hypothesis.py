"""The hybrid hypothesis' networks: counts of the reconstruction's table, same widths, options."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.analysis import profile
from sepzoo.applications import build, card, list_models
from sepzoo.support.errors import SepzooError

TABLE = {  # module: channels of the stages, parameters, million multiply-accumulates
    "separable": ((128, 256, 512), 898_186, 132.8),
    "extreme_inception": ((128, 256, 512), 902_218, 133.8),
    "inception_s4": ((68, 132, 272), 899_890, 132.7),
    "inception_s3": ((60, 120, 243), 897_239, 132.1),
    "inception_s16": ((96, 176, 416), 897_018, 122.0),
    "resnext_c8": ((112, 240, 416), 895_514, 141.4),
    "hybrid": ((112, 240, 496), 895_522, 123.8),
    "hybrid_full": ((88, 176, 344), 896_090, 136.8),
    "parallel": ((96, 176, 416), 895_370, 121.6),
    "regular": ((44, 80, 176), 898_714, 144.8),
}


def widths(model):
    return tuple(model.get_layer(f"stage{s}_unit1_bn").output.shape[-1] for s in (1, 2, 3))


def test_every_module_of_the_table_is_listed():
    assert set(list_models("hybrid_hypothesis_*")) == {f"hybrid_hypothesis_{module}" for module in TABLE}


@pytest.mark.parametrize("module", TABLE)
def test_widths_and_counts_are_the_table_s(module):
    model = build(f"hybrid_hypothesis_{module}")
    channels, params, macs = TABLE[module]
    assert widths(model) == channels
    assert model.count_params() == params
    assert round(profile(model).macs / 1e6, 1) == macs
    assert model.input_shape == (None, 32, 32, 3)


@pytest.mark.parametrize("module", TABLE)
def test_the_same_widths_for_all(module):
    near = (129, 255, 513) if module == "inception_s3" else (128, 256, 512)  # what three segments divide
    assert widths(build(f"hybrid_hypothesis_{module}", widths="equal")) == near


@pytest.mark.parametrize("module", TABLE)
def test_a_quarter_of_the_width_for_small_machines(module):
    model = build(f"hybrid_hypothesis_{module}", width=0.25)
    for found, whole in zip(widths(model), TABLE[module][0], strict=True):
        assert 0.9 * whole / 4 <= found <= 1.5 * whole / 4
    assert model.count_params() < 110_000


def test_other_segments_at_the_same_widths():
    model = build("hybrid_hypothesis_inception_s4", widths="equal", conv_options={"segments": 64})
    groups = model.get_layer("stage1_unit1_conv").factorization.groups
    assert (groups, widths(model)) == (64, (128, 256, 512))


@pytest.mark.parametrize(("module", "steps"), [("separable", 1), ("hybrid", 2), ("parallel", 3), ("regular", 0)])
def test_mid_activation_adds_normalization_and_activation_between_the_steps(module, steps):
    plain = build(f"hybrid_hypothesis_{module}", width=0.25)
    between = build(f"hybrid_hypothesis_{module}", width=0.25, mid_activation="relu")
    unit = [layer for layer in between.layers if layer.name.startswith("stage2_unit2_")]
    inside = [factor for layer in unit for factor in getattr(layer, "factors", [])]
    norms = [factor for factor in inside if isinstance(factor, keras.layers.BatchNormalization)]
    assert len(norms) == sum(isinstance(factor, keras.layers.Activation) for factor in inside) == steps
    mid = sum(
        norm.count_params() for layer in between.layers for norm in getattr(layer, "factors", []) if "bn" in norm.name
    )
    assert between.count_params() == plain.count_params() + mid


def test_shortcuts_are_projected_where_the_channels_differ(seed):
    model = build("hybrid_hypothesis_hybrid", width=0.25, shortcut=True)
    names = [layer.name for layer in model.layers]
    assert [name for name in names if name.endswith("_projection")] == [f"stage{s}_unit1_projection" for s in (1, 2, 3)]
    assert sum(name.endswith("_add") for name in names) == 9
    unit = keras.Model(model.get_layer("stage2_unit1_relu").output, model.get_layer("stage2_unit2_add").output)
    assert model.get_layer("stage2_unit2_add").input[0] is model.get_layer("stage2_unit1_relu").output
    assert unit.output_shape == (None, 16, 16, 60)


def test_parallel_takes_both_kinds_from_the_same_input():
    model = build("hybrid_hypothesis_parallel")
    first, second = (model.get_layer(f"stage1_unit2_{part}") for part in ("conv", "beside"))
    assert first.input is second.input
    assert (first.factorization.kind, second.factorization.kind) == ("resnext", "inception")
    assert [first.factors[0].filters, *(layer.filters for layer in (first, second))] == [24, 48, 48]


def test_output_stride_keeps_the_grid():
    model = build("hybrid_hypothesis_separable", width=0.25, output_stride=2, include_top=False)
    assert model.output_shape == (None, 16, 16, 128)


def test_what_is_refused_is_said():
    with pytest.raises(SepzooError, match="expected a width that leaves every stage a channel"):
        build("hybrid_hypothesis_regular", width=0.001)
    with pytest.raises(SepzooError, match="unknown option of kind 'inception': 'p'"):
        build("hybrid_hypothesis_inception_s4", conv_options={"p": 0.5})


def test_the_card_says_that_it_is_a_reconstruction():
    assert "full text was not found" in card("hybrid_hypothesis_hybrid").note


def test_the_reading_of_a_stack_is_exact(seed):
    """Section 4: with nothing between, the kinds are one stack cut at another place."""
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    extreme = build("hybrid_hypothesis_extreme_inception", width=0.125)
    bsconv = build("hybrid_hypothesis_extreme_inception", width=0.125, conv="bsconv_u", conv_options={})
    bsconv.set_weights(extreme.get_weights())
    np.testing.assert_allclose(np.asarray(bsconv(x)), np.asarray(extreme(x)), atol=1e-6)
