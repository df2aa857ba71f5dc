"""VGG: counts, slots, the dense head, resolution."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build, preprocess
from sepzoo.layers import BSConvU2D
from sepzoo.support.errors import SepzooError
from tests.applications.test_exact_counts import built

SMALL = {"alpha": 0.125, "hidden": 16, "input_shape": (32, 32, 3), "classes": 4}


@pytest.mark.parametrize(("name", "params"), [("vgg16", 138_357_544), ("vgg19", 143_667_240)])
def test_published_counts(name, params):
    model = built(name)
    assert model.count_params() == params
    assert sum(bool(layer.weights) for layer in model.layers) == int(name.removeprefix("vgg"))


def test_headless_counts():
    assert built("vgg16", include_top=False).count_params() == 14_714_688
    assert built("vgg19", include_top=False).count_params() == 20_024_384


def test_with_batch_norm_it_weighs_what_torchvision_s_does():
    model = built("vgg16", batch_norm=True)
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_weights) == 138_365_992
    assert model.get_layer("stage5_conv3_bn").output.shape == model.get_layer("stage5_conv3").output.shape


def test_regular_is_the_own_form():
    own, named = built("vgg16"), built("vgg16", conv="regular")
    assert [(w.path, w.shape) for w in own.weights] == [(w.path, w.shape) for w in named.weights]


@pytest.mark.parametrize(
    ("kind", "options"),
    [("separable", {}), ("separable", {"terms": 9}), ("bsconv_u", {}), ("bsconv_s", {}), ("inception", {"segments": 2}),
     ("resnext", {"cardinality": 2}), ("hybrid", {})],
)  # fmt: skip
def test_every_kind_computes_with_its_bias(seed, kind, options):
    model = build("vgg16", **SMALL, conv=kind, conv_options=options)
    biases = [w for w in model.trainable_weights if w.path.endswith("/bias")]
    assert len(biases) == 16
    assert np.asarray(model(np.ones((1, 32, 32, 3), "float32"))).sum() == pytest.approx(1.0, abs=1e-4)


def test_bsconv_stands_in_all_thirteen_slots():
    assert sum(isinstance(layer, BSConvU2D) for layer in build("vgg16", **SMALL, conv="bsconv_u").layers) == 13


def test_dropout_behind_the_hidden_layers():
    model = build("vgg16", **SMALL, dropout=0.5)
    assert [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [
        "hidden1_dropout",
        "hidden2_dropout",
    ]


def test_output_stride_changes_the_grid_and_not_the_values(seed):
    arguments = {"alpha": 0.125, "input_shape": (64, 64, 3), "include_top": False}
    strided, dilated = build("vgg16", **arguments), build("vgg16", **arguments, output_stride=16)
    dilated.set_weights(strided.get_weights())
    x = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    assert dilated.output_shape[1:3] == (4, 4)
    np.testing.assert_allclose(np.asarray(dilated(x))[:, ::2, ::2], np.asarray(strided(x)), atol=1e-5)
    assert build("vgg16", **arguments, output_stride=8).output_shape[1:3] == (8, 8)


def test_grey_images_are_normalized_by_the_mean_of_the_colours():
    model = build("vgg16", **{**SMALL, "input_shape": (32, 32, 1)})
    grey = preprocess(model, np.zeros((1, 32, 32, 1), "uint8"))
    assert grey.shape == (1, 32, 32, 1)
    assert float(grey[0, 0, 0, 0]) == pytest.approx(-(103.939 + 116.779 + 123.68) / 3, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"input_shape": (None, None, 3)}, "expected an input of known size: VGG's dense layers"),
        ({"depth": 17}, "vgg: expected depth as 16 or 19. Received: depth=17."),
        ({"input_shape": (31, 31, 3)}, "vgg16: expected images of at least 32 x 32 pixels."),
    ],
)  # fmt: skip
def test_what_is_refused_is_said(arguments, text):
    with pytest.raises(SepzooError) as raised:
        build("vgg16", **arguments)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
