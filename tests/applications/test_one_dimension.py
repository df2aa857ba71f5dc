"""Networks on series: their names, their slots, what they take and refuse."""

from __future__ import annotations

import keras
import pytest

from sepzoo.applications import build, card
from sepzoo.layers import BSConvU1D
from sepzoo.support.errors import SepzooError


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
    [("matchboxnet_3x2x64", 8)],
)
def test_the_slots_are_those_of_the_table(name, slots):
    with keras.StatelessScope(initialize_variables=False):
        model = build(name, conv="bsconv_u")
    keras.utils.clear_session(free_memory=False)
    assert sum(isinstance(layer, BSConvU1D) for layer in model.layers) == slots


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"input_shape": (24, 1, 1)}, "matchboxnet_3x1x64: expected input_shape (steps, channels). Received: input_s"),
        ({"input_shape": (24, None)}, "expected input_shape (steps, channels)."),
        ({"input_shape": 24}, "expected input_shape (steps, channels). Received: input_shape=24."),
        ({"channels": 0}, "expected channels as a whole number from 1 to 65,536. Received: channels=0."),
    ],
)
def test_what_is_refused_is_said(arguments, text):
    with pytest.raises(SepzooError) as raised:
        build("matchboxnet_3x1x64", **arguments)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
