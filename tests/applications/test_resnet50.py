"""ResNet-50: counts, slots, resolution."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.applications import build
from sepzoo.layers import BSConvS2D
from tests.applications.test_exact_counts import built

SMALL = {"alpha": 0.125, "input_shape": (64, 64, 3), "classes": 4}


def test_published_counts():
    model = built("resnet50")
    assert model.count_params() == 25_636_712
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == 25_583_592
    assert built("resnet50", include_top=False).count_params() == 23_587_712


def test_regular_is_the_own_form():
    own, named = built("resnet50"), built("resnet50", conv="regular")
    assert [(w.path, w.shape) for w in own.weights] == [(w.path, w.shape) for w in named.weights]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [("separable", {}), ("bsconv_u", {}), ("inception", {"segments": 2}), ("resnext", {"cardinality": 2})],
)
def test_every_kind_computes(seed, kind, options):
    model = build("resnet50", **SMALL, conv=kind, conv_options=options)
    assert np.asarray(model(np.ones((1, 64, 64, 3), "float32"))).sum() == pytest.approx(1.0, abs=1e-4)


def test_bsconv_s_stands_in_sixteen_slots_with_batch_norm_between():
    slots = [layer for layer in build("resnet50", **SMALL, conv="bsconv_s").layers if isinstance(layer, BSConvS2D)]
    assert len(slots) == 16
    assert all(layer.factorization.batch_norm and layer.use_bias for layer in slots)


@pytest.mark.slow
@pytest.mark.parametrize("output_stride", [8, 16])
def test_output_stride_changes_the_grid_and_not_the_values(seed, output_stride):
    arguments = {"alpha": 0.125, "input_shape": (64, 64, 3), "include_top": False}
    strided, dilated = build("resnet50", **arguments), build("resnet50", **arguments, output_stride=output_stride)
    dilated.set_weights(strided.get_weights())
    x = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    step = 32 // output_stride
    assert dilated.output_shape[1:3] == (64 // output_stride,) * 2
    np.testing.assert_allclose(np.asarray(dilated(x))[:, ::step, ::step], np.asarray(strided(x)), atol=1e-4)


def test_drop_path_grows_over_the_sixteen_units():
    rates = [layer.rate for layer in build("resnet50", **SMALL, drop_path=0.3).layers if hasattr(layer, "rate")]
    assert rates == pytest.approx([0.3 * i / 15 for i in range(1, 16)])
