"""`build`: every argument does what it says, and what cannot be is refused in one line."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build
from sepzoo.artifact.model_file import load, metadata_of, save
from sepzoo.layers import BSConvU2D, factorization
from sepzoo.support.errors import SepzooError

SMALL = {"alpha": 0.25, "input_shape": (32, 32, 3), "classes": 4}


def test_head_and_pooling():
    assert build("mobilenet_v1", **SMALL).output_shape == (None, 4)
    assert build("mobilenet_v2", **SMALL, include_top=False).output_shape == (None, 1, 1, 1280)
    for pooling in ("avg", "max"):
        assert build("mobilenet_v1", **SMALL, include_top=False, pooling=pooling).output_shape == (None, 256)


def test_probabilities_by_default_logits_on_request(seed):
    x = np.random.default_rng(0).random((2, 32, 32, 3)).astype("float32")
    probabilities = build("mobilenet_v1", **SMALL)
    logits = build("mobilenet_v1", **SMALL, classifier_activation=None)
    logits.set_weights(probabilities.get_weights())
    np.testing.assert_allclose(np.asarray(probabilities(x)).sum(axis=1), 1.0, rtol=1e-5)
    scores = np.exp(np.asarray(logits(x)))
    np.testing.assert_allclose(np.asarray(probabilities(x)), scores / scores.sum(axis=1, keepdims=True), rtol=1e-4)


def test_height_and_width_may_be_open():
    model = build("mobilenet_v2", alpha=0.35, input_shape=(None, None, 3), classes=4)
    for size in (32, 48):
        assert model(np.zeros((1, size, size, 3), "float32")).shape == (1, 4)


def test_input_tensor_keeps_what_stands_before_it():
    images = keras.Input((32, 32, 3))
    model = build("mobilenet_v1", alpha=0.25, input_tensor=keras.layers.Rescaling(2.0)(images), classes=4)
    assert model.input is images
    assert any(isinstance(layer, keras.layers.Rescaling) for layer in model.layers)


@pytest.mark.parametrize("channels", [1, 4])
def test_other_input_channels(channels):
    assert build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, channels)).input_shape[-1] == channels


def test_a_kind_by_name_option_or_record(seed):
    by_name = build("mobilenet_v1", **SMALL, conv="bsconv_s", conv_options={"p": 0.5})
    by_record = build("mobilenet_v1", **SMALL, conv=factorization("bsconv_s", p=0.5))
    assert [w.shape for w in by_name.weights] == [w.shape for w in by_record.weights]
    assert len(by_name.losses) == 13


def test_the_suffix_and_the_argument_are_one_network():
    suffix, argument = build("mobilenetv1_w1d4_bsconvu"), build("mobilenetv1_w1d4", conv="bsconv_u")
    assert [(w.path, w.shape) for w in suffix.weights] == [(w.path, w.shape) for w in argument.weights]
    assert sum(isinstance(layer, BSConvU2D) for layer in suffix.layers) == 13


def test_separable_is_the_own_form_of_mobilenet_v1():
    own, named = build("mobilenet_v1", **SMALL), build("mobilenet_v1", **SMALL, conv="separable")
    assert [(w.path, w.shape) for w in own.weights] == [(w.path, w.shape) for w in named.weights]


def test_conventions_are_arguments():
    model = build("mobilenet_v1", **SMALL, batch_norm_momentum=0.5, batch_norm_epsilon=0.01, input_batch_norm=True)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.5, 0.01)}
    assert norms[0].name == "input_bn"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv1_w1d4", "mobilenetv1_w1d4_bsconvu", "mobilenetv2_w1d4"])
@pytest.mark.parametrize("output_stride", [8, 16])
def test_output_stride_changes_the_grid_and_not_the_values(seed, name, output_stride):
    arguments = {"input_shape": (64, 64, 3), "include_top": False}
    strided, dilated = build(name, **arguments), build(name, **arguments, output_stride=output_stride)
    dilated.set_weights(strided.get_weights())
    x = np.random.default_rng(0).random((1, 64, 64, 3)).astype("float32")
    step = 32 // output_stride
    assert dilated.output_shape[1:3] == (64 // output_stride,) * 2
    np.testing.assert_allclose(np.asarray(dilated(x))[:, ::step, ::step], np.asarray(strided(x)), atol=1e-4)


def test_drop_path_acts_in_training_alone(seed):
    model = build("mobilenet_v2", **SMALL, drop_path=0.9, classifier_activation=None)
    plain = build("mobilenet_v2", **SMALL, classifier_activation=None)
    plain.set_weights([w for w, v in zip(model.get_weights(), model.weights, strict=True)])
    x = np.random.default_rng(0).random((4, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(np.asarray(model(x)), np.asarray(plain(x)), atol=1e-5)
    rates = [layer.rate for layer in model.layers if type(layer).__name__ == "DropPath"]
    assert len(rates) == 10
    assert rates == sorted(rates)
    assert rates[-1] < 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["mobilenet_v1", "cifar_mobilenetv1_w1d4_bsconvu", "cifar_mobilenetv2_w1d4_bsconvs_p1d6"]
)
def test_a_saved_model_opens_with_its_metadata(seed, tmp_path, name):
    model = build(name, input_shape=(32, 32, 3), classes=4)
    path = save(model, tmp_path / "model.keras")
    again = load(path)
    assert metadata_of(again) == metadata_of(model)
    x = np.random.default_rng(0).random((2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(model(x)))


def test_every_layer_is_named_by_its_place():
    for name in ("mobilenet_v1", "mobilenet_v2", "mobilenetv1_w1_bsconvu"):
        for layer in build(name).layers:
            assert layer.name.split("_")[0].rstrip("0123456789") in (
                "images", "input", "stem", "stage", "final", "pool", "dropout", "logits", "flatten", "predictions",
            )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("mobilenet", {}, "unknown model 'mobilenet'. Did you mean mobilenet_v"),
        ("mobilenet_v1", {"alfa": 0.5}, "unknown argument of mobilenet_v1: 'alfa'. Did you mean alpha?"),
        ("mobilenet_v1", {"alpha": 0.01}, "expected a width that leaves every stage a channel. Received: 0.01"),
        ("mobilenet_v1", {"classes": 0}, "mobilenet_v1: expected classes as a whole number from 1 to "),
        ("mobilenet_v1", {"classes": 2.5}, "to 10,000,000, or None. Received: classes=2.5."),
        ("mobilenet_v1", {"input_shape": (16, 16, 3)}, "expected images of at least 32 x 32 pixels."),
        ("mobilenet_v1", {"input_shape": (224, 224)}, "expected input_shape (height, width, channels)."),
        ("mobilenet_v1", {"conv": "bsconvu"}, "unknown kind of convolution 'bsconvu'. Did you mean bsconv_u"),
        ("mobilenet_v2", {"conv": "bsconv_u"}, "mobilenet_v2 has no slot for 'bsconv_u'"),
        ("mobilenet_v1", {"conv_options": {"p": 0.5}}, "expected a kind of convolution beside its options."),
        ("mobilenet_v1", {"pooling": "mean"}, "unknown pooling of mobilenet_v1: 'mean'. Known: avg, max."),
        ("mobilenet_v1", {"padding": "full"}, "unknown padding 'full'. Known: end, same, symmetric."),
        ("mobilenet_v1", {"output_stride": 12}, "expected an output_stride of 2, 4, 8, 16, 32. Received: 12."),
        ("mobilenet_v1", {"input_tensor": np.zeros((1, 32, 32, 3))}, "expected input_tensor to be a symbolic Keras"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said(name, arguments, text):
    with pytest.raises(SepzooError) as raised:
        build(name, **arguments)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
