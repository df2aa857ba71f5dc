"""Xception: counts, the spectrum in its slots, shortcuts, resolution."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from sepzoo.applications import build
from sepzoo.layers import factorization
from sepzoo.support.errors import SepzooError
from tests.applications.test_exact_counts import built

SMALL = {"alpha": 0.125, "input_shape": (71, 71, 3), "classes": 4}
ENTRY = (64, 128, 128, 256, 256, 728, 728)  # channels through the separable convolutions, as xception.md lists them
PATHS = (ENTRY, (728,) * 25, (728, 728, 1024), (1024, 1536, 2048))
SLOTS = tuple(pair for path in PATHS for pair in itertools.pairwise(path))
SHORTCUTS = ((64, 128), (128, 256), (256, 728), (728, 1024))


def outside(channels):
    """Return the parameters of everything but the slots: stem, shortcuts, batch normalizations, classifier."""
    norms = 32 + 64 + sum(outputs for _, outputs in (*SLOTS, *SHORTCUTS))
    shortcuts = sum(inputs * outputs for inputs, outputs in SHORTCUTS)
    return 9 * 3 * 32 + 9 * 32 * 64 + shortcuts + channels * norms + 2048 * 1000 + 1000


def test_published_counts():
    model = built("xception")
    assert len(SLOTS) == 34
    assert model.count_params() == 22_910_480
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == 22_855_952


def test_the_own_form_is_of_stock_layers():
    model = build("xception", **SMALL)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    assert sum(type(layer) is keras.layers.SeparableConv2D for layer in model.layers) == 34


@pytest.mark.parametrize("segments", [1, 2, 4, 8, "channels"])
def test_the_spectrum_of_inception(segments):
    """One point has cm + 9 m^2 / s weights for c -> m channels (xception.md, section 1)."""
    expected = sum(c * m + 9 * m * m // (m if segments == "channels" else segments) for c, m in SLOTS)
    model = built("xception", conv="inception", conv_options={"segments": segments})
    assert model.count_params() == outside(4) + expected


@pytest.mark.slow
@pytest.mark.parametrize("order", ["dw_pw", "pw_dw"])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_order_and_activation_between(seed, order, activation):
    model = build("xception", **SMALL, conv="separable", conv_options={"order": order, "activation": activation})
    slots = [layer for layer in model.layers if layer.name.rpartition("_")[2].startswith("conv")][2:]
    assert len(slots) == 34
    if (order, activation) != ("dw_pw", None):
        assert {(layer.factorization.order, layer.factorization.activation) for layer in slots} == {(order, activation)}
    assert np.isfinite(np.asarray(model(np.ones((1, 71, 71, 3), "float32")))).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("regular", {}),
        ("bsconv_u", {}),
        ("bsconv_s", {"p": 0.5}),
        ("inception", {"segments": 1, "order": "dw_pw"}),
        ("resnext", {"cardinality": 1}),
        ("hybrid", {"width": 1.0, "batch_norm": True}),
        ("separable", {"terms": 2}),
    ],
)
def test_every_kind_computes(seed, kind, options):
    model = build("xception", **SMALL, conv=kind, conv_options=options)
    small = [(int(c * 0.125), int(m * 0.125)) for c, m in SLOTS]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 2 + 34 + 4
    kernels = sum(
        int(np.prod(weight.shape))
        for layer in model.layers
        if layer.name.startswith(("stage", "final")) and "projection" not in layer.name
        for weight in layer.trainable_weights
        if "kernel" in weight.name
    )
    assert kernels == sum(factorization(kind, **options).weights(c, m, 9) for c, m in small)
    assert np.asarray(model(np.ones((1, 71, 71, 3), "float32"))).sum() == pytest.approx(1.0, abs=1e-4)


def test_without_shortcuts():
    plain = built("xception", residual=False)
    assert not [layer for layer in plain.layers if isinstance(layer, keras.layers.Add)]
    trainable = sum(int(np.prod(w.shape)) for w in plain.trainable_weights)
    assert trainable == 22_855_952 - sum(c * m + 2 * m for c, m in SHORTCUTS)


def test_one_relu_between_two_convolutions():
    """The entry flow's first module has none in front of its first convolution: the stem has just ended in one."""
    names = [layer.name for layer in build("xception", **SMALL).layers]
    assert "stage1_unit1_conv1_relu" not in names
    assert names.index("stage1_unit1_conv2_relu") == names.index("stage1_unit1_conv2") - 1
    assert sum(name.endswith("_relu") for name in names) == 2 + 34 - 1


def test_output_stride_changes_the_grid_and_not_the_values(seed):
    arguments = {"alpha": 0.125, "input_shape": (299, 299, 3), "include_top": False}
    strided, dilated = build("xception", **arguments), build("xception", **arguments, output_stride=16)
    dilated.set_weights(strided.get_weights())
    x = np.random.default_rng(0).uniform(-1, 1, (1, 299, 299, 3)).astype("float32")
    assert dilated.output_shape[1:3] == (19, 19)
    np.testing.assert_allclose(np.asarray(dilated(x))[:, ::2, ::2], np.asarray(strided(x)), atol=1e-4)


def test_drop_path_grows_over_the_twelve_shortcuts():
    model = build("xception", **SMALL, drop_path=0.5)
    rates = [layer.rate for layer in model.layers if type(layer).__name__ == "DropPath"]
    assert len(rates) == 11  # the first rate is 0, which needs no layer
    assert rates == sorted(rates)
    assert rates[-1] == 0.5


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"input_shape": (70, 96, 3)}, "xception: expected images of at least 71 x 71 pixels. Received: (70, 96, 3)."),
        ({"conv": "inception", "conv_options": {"segments": 5}}, "expected a number of groups (segments, cardinality)"),
        ({"conv": "resnet"}, "unknown kind of convolution 'resnet'. Did you mean resnext"),
        ({"alpha": 0.01}, "expected a width that leaves every stage a channel."),
        ({"output_stride": 64}, "expected an output_stride of 2, 4, 8, 16, 32. Received: 64."),
        ({"residuals": False}, "unknown argument of xception: 'residuals'. Did you mean residual?"),
    ],
)
def test_what_is_refused_is_said(arguments, text):
    with pytest.raises(SepzooError) as raised:
        build("xception", **arguments)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
