"""Networks on series: their names, their slots, what they take and refuse."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build, card, features
from sepzoo.artifact.model_file import metadata_of
from sepzoo.inference.keras_model import from_model
from sepzoo.layers import BSConvU1D
from sepzoo.records.inputs import Features
from sepzoo.support.errors import SepzooError
from tests.applications.test_exact_counts import built
from tests.small import SMALL


def test_any_size_of_matchboxnet_has_a_name():
    model = build("matchboxnet_2x3x16", input_shape=(32, 8))
    windows = [layer.kernel_size for layer in model.layers if isinstance(layer, keras.layers.SeparableConv1D)]
    assert windows == [(11,), *[(13,)] * 3, *[(15,)] * 3, (29,)]
    assert card("matchboxnet_5x1x32").arguments["channels"] == 32
    for name in ("matchboxnet_0x1x64", "matchboxnet_3x1", "matchboxnet_3x1x064"):
        with pytest.raises(SepzooError, match=r"unknown model 'matchboxnet_.*Did you mean matchboxnet_"):
            build(name)


@pytest.mark.parametrize(
    ("name", "slots"),
    [("matchboxnet_3x2x64", 8), ("quartznet_5x5", 27), ("tc_resnet8", 6), ("tc_resnet14", 12), ("inceptiontime", 18)],
)
def test_the_slots_are_those_of_the_table(name, slots):
    model = built(name, conv="bsconv_u")
    assert sum(isinstance(layer, BSConvU1D) for layer in model.layers) == slots


def test_a_series_of_any_length_goes_in():
    model = build("inceptiontime", input_shape=(None, 3), classes=4, modules=3, channels=4)
    assert metadata_of(model).features is None
    for steps in (1, 7, 50):
        assert model(np.zeros((2, steps, 3), "float32")).shape == (2, 4)
    assert metadata_of(build("inceptiontime")).features == Features((150, 1))


def test_scores_of_each_step_are_no_class_scores():
    name, arguments = SMALL["quartznet"]
    for activation in (None, "softmax"):
        assert metadata_of(build(name, **{**arguments, "classifier_activation": activation})).outputs is None
    assert from_model(build(name, **arguments), features=Features((24, 6))).outputs[0].kind == "map"


def test_features_by_the_stride_over_time():
    name, arguments = SMALL["tc_resnet"]
    taps = features(build(name, **{**arguments, "channels": (8, 12, 16)})).output
    assert {stride: tuple(tensor.shape[1:]) for stride, tensor in taps.items()} == {
        1: (24, 16),
        2: (12, 8),
        4: (6, 12),
        8: (3, 16),
    }


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"input_shape": (24, 1, 1)}, "inceptiontime: expected input_shape (steps, channels). Received: input_shape="),
        ({"input_shape": (24, None)}, "expected input_shape (steps, channels)."),
        ({"input_shape": 24}, "expected input_shape (steps, channels). Received: input_shape=24."),
        ({"windows": (0,)}, "expected windows as"),
        ({"channels": 0}, "expected channels as a whole number from 1 to 65,536. Received: channels=0."),
    ],
)
def test_what_is_refused_is_said(arguments, text):
    with pytest.raises(SepzooError) as raised:
        build("inceptiontime", **arguments)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
