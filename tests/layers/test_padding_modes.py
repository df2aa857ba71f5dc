"""Every kind pads as asked: as the convolution of what NumPy pads."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.layers import PRESETS, conv2d

IN_NUMPY = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("mode", IN_NUMPY)
@pytest.mark.parametrize("kind", ["regular", "separable"])
def test_the_padding_stands_at_the_window(seed, kind, mode):
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 4)).astype("float32")
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=IN_NUMPY[mode])
    layer, valid = conv2d(kind, 8, 3, padding="same", padding_mode=mode), conv2d(kind, 8, 3, padding="valid")
    layer.build(x.shape)
    valid.build(x.shape)
    valid.set_weights(layer.get_weights())
    np.testing.assert_allclose(np.asarray(layer(x)), np.asarray(valid(padded)), atol=1e-5)


@pytest.mark.parametrize("kind", PRESETS)
def test_all_kinds_take_it(kind):
    assert conv2d(kind, 8, 3, padding="same", padding_mode="reflect").compute_output_shape((1, 8, 8, 8)) == (1, 8, 8, 8)
