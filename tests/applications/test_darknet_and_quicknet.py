"""Darknet's reference network and QuickNet: counts, layers, PReLU."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from sepzoo.analysis import profile
from sepzoo.applications import build, card


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("darknet_reference", 7_319_416),  # 7.32 million
        ("cifar_darknet_reference", 6_304_666),  # 6.31 million, of which 6,308,730 with moving averages
        ("cifar_darknet_reference_separable", 722_341),  # 0.73 million, 726,405 with moving averages
        ("quicknet_r", 3_563_898),
    ],
)
def test_counts(name, params):
    assert trainable(build(name)) == params


def test_darknet_by_hand():
    """Kernels of 3 x 3, two trained numbers a channel, a 1 x 1 classifier with bias."""
    widths = (3, 16, 32, 64, 128, 256, 512, 1024)
    pairs = list(itertools.pairwise(widths))
    assert trainable(build("darknet_reference")) == sum(9 * c * m + 2 * m for c, m in pairs) + 1024 * 1000 + 1000
    separable = sum(9 * c + c * m + 2 * m for c, m in pairs) + 1024 * 1000 + 1000
    assert trainable(build("darknet_reference", conv="separable")) == separable
    assert trainable(build("darknet_reference_separable")) == separable


def test_darknet_rounds_odd_sizes_up_as_its_program_does():
    model = build("darknet_reference", include_top=False)
    assert model.output_shape == (None, 4, 4, 1024)
    assert build("darknet_reference", include_top=False, output_stride=16).output_shape == (None, 14, 14, 1024)


def test_darknet_s_classifier_is_leaky_and_then_averaged(seed):
    model = build("darknet_reference", alpha=0.125, input_shape=(64, 64, 3), classes=7, classifier_activation=None)
    scores = keras.Model(model.input, [model.get_layer("logits").output, model.output])
    logits, averaged = (np.asarray(value) for value in scores(np.random.default_rng(0).random((2, 64, 64, 3))))
    np.testing.assert_allclose(averaged, np.where(logits > 0, logits, 0.1 * logits).mean(axis=(1, 2)), atol=1e-6)
    assert logits.min() < 0


def test_quicknet_stage_by_stage():
    model = build("quicknet_r")
    counts = {f"stage{s}": 0 for s in range(1, 6)} | {"stem": 0, "predictions": 0}
    for variable in model.trainable_variables:
        counts[variable.path.split("_")[0].split("/")[0]] += int(np.prod(variable.shape))
    assert counts == {
        "stem": 480,
        "stage1": 11_088,
        "stage2": 44_992,
        "stage3": 171_904,
        "stage4": 671_488,
        "stage5": 2_653_696,
        "predictions": 10_250,
    }
    assert model.count_params() == 3_575_834
    assert round(profile(model).macs / 1e6, 1) == 54.5
    assert model.get_layer("stage5_conv3").output.shape == (None, 2, 2, 1024)
    assert model.get_layer("dropout").rate == 0.5


def test_prelu_has_one_slope_a_channel_from_a_quarter(seed):
    model = build("quicknet_r", alpha=0.25)
    layer = model.get_layer("stage2_conv1_prelu")
    assert layer.alpha.shape == (1, 1, 32)
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 32)).astype("float32")
    np.testing.assert_allclose(np.asarray(layer(x)), np.where(x > 0, x, 0.25 * x), atol=1e-7)


def test_the_two_claims_can_be_taken_apart():
    """Regular for separable, and other activations for PReLU."""
    assert trainable(build("quicknet_r", conv="regular")) > 6 * trainable(build("quicknet_r"))
    for activation in ("relu", "leaky_relu"):
        layer = build("quicknet_r", activation=activation).get_layer(f"stage1_conv1_{activation}")
        assert np.asarray(layer(np.array([[-1.0]]))).item() == pytest.approx(0.0 if activation == "relu" else -0.1)


def test_the_cards_say_what_is_published():
    assert "Reconstructed are the layers" in card("quicknet_r").note
    assert "cfg/darknet.cfg" in card("darknet_reference").note
