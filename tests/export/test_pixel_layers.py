"""Layers that make a network's input of pixels: the arithmetic of the record, whatever computes it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.export.pixel_layers import normalized
from sepzoo.records.preprocessing import AS_THEY_ARE, Preprocessing

ONE = Preprocessing(mean=(100.0,), std=(50.0,))
THREE = Preprocessing(mean=(90.0, 120.0, 150.0), std=(30.0,), channel_order="bgr")
FOUR = Preprocessing(mean=(90.0,), std=(30.0, 60.0, 50.0, 255.0), channel_order="bgr")


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("rounds", [False, True])
@pytest.mark.parametrize(("preprocessing", "channels"), [(ONE, 1), (ONE, 3), (THREE, 3), (FOUR, 4), (AS_THEY_ARE, 3)])
def test_layers_compute_what_the_record_says(
    preprocessing: Preprocessing, channels: int, rounds: bool, dtype: str
) -> None:
    source = keras.Input((4, 5, channels), dtype=dtype)
    model = keras.Model(source, normalized(source, preprocessing, rounds=rounds, keeps_steps=False))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5, channels)).astype(dtype)
    order = [2, 1, 0, 3][:channels] if preprocessing.channel_order == "bgr" else list(range(channels))
    expected = (pixels[..., order].astype(float) - preprocessing.mean) / preprocessing.std
    np.testing.assert_allclose(model.predict(pixels, verbose=0), expected, rtol=1e-5, atol=1e-5)
    again = type(model).from_config(model.get_config())
    np.testing.assert_array_equal(again.predict(pixels, verbose=0), model.predict(pixels, verbose=0))


def test_on_steps_no_pixel_is_lost() -> None:
    source = keras.Input((1, 1, 3), dtype="uint8")
    model = keras.Model(source, normalized(source, THREE, rounds=True, keeps_steps=True))
    pixels = np.repeat(np.arange(256, dtype="uint8")[:, None, None, None], 3, axis=-1)
    expected = (pixels.astype(float) - THREE.mean) / THREE.std
    np.testing.assert_allclose(model.predict(pixels, verbose=0), expected, rtol=1e-5, atol=1e-5)


def test_pixels_as_they_are_need_no_layer() -> None:
    source = keras.Input((4, 5, 3))
    for rounds in (False, True):
        assert normalized(source, AS_THEY_ARE, rounds=rounds, keeps_steps=rounds) is source
