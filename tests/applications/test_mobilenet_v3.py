"""MobileNetV3: counts of the Keras form, and what sets the two programs' forms apart."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build
from sepzoo.layers import OrthonormalRegularizer
from sepzoo.support.errors import SepzooError
from tests.applications.test_exact_counts import built


@pytest.mark.parametrize(
    ("name", "arguments", "params"),
    [  # as keras.applications counts them
        ("mobilenet_v3_large", {}, 5_507_432),
        ("mobilenet_v3_large", {"alpha": 0.75}, 4_012_616),
        ("mobilenet_v3_large", {"minimalistic": True}, 3_948_688),
        ("mobilenet_v3_small", {}, 2_554_968),
        ("mobilenet_v3_small", {"alpha": 0.75}, 2_051_552),
        ("mobilenet_v3_small", {"minimalistic": True}, 2_056_848),
    ],
)
def test_counts_of_the_keras_form(name, arguments, params):
    assert built(name, **arguments).count_params() == params


def test_the_papers_layers():
    """Bottlenecks, squeezing ones, windows of 5 x 5 (arXiv 1905.02244, tables 1 and 2)."""
    for name, units, squeezes, wide in (("mobilenet_v3_large", 15, 8, 6), ("mobilenet_v3_small", 11, 9, 8)):
        names = [layer.name for layer in built(name).layers]
        assert sum(part.endswith("_project") for part in names) == units
        assert sum(part.endswith("_squeeze_multiply") for part in names) == squeezes
        windows = [layer.kernel_size for layer in built(name).layers if layer.name.endswith("_depthwise")]
        assert windows.count((5, 5)) == wide


def test_minimalistic_has_no_advanced_blocks():
    model = built("mobilenet_v3_large", minimalistic=True)
    assert not [layer for layer in model.layers if isinstance(layer, keras.layers.Multiply | keras.layers.Activation)][
        :-1
    ]
    assert {layer.kernel_size for layer in model.layers if layer.name.endswith("_depthwise")} == {(3, 3)}


@pytest.mark.parametrize("size", ["small", "large"])
def test_bsconv_s_is_the_penalty_on_the_projections_and_nothing_else(size):
    plain, named = built(f"mobilenetv3_{size}_w1d2"), built(f"mobilenetv3_{size}_w1d2_bsconvs_p1d6")
    assert [(w.path, w.shape) for w in plain.weights] == [(w.path, w.shape) for w in named.weights]
    penalized = [w.path for w in named.trainable_weights if isinstance(w.regularizer, OrthonormalRegularizer)]
    assert len(penalized) == {"small": 11, "large": 15}[size]
    assert all(path.endswith("_project/kernel") for path in penalized)
    argued = built(f"mobilenetv3_{size}_w1d2", conv="bsconv_s")
    assert [w.path for w in argued.trainable_weights if w.regularizer] == penalized


def test_the_authors_small_network_squeezes_its_last_convolution():
    names = {size: [layer.name for layer in built(f"mobilenetv3_{size}_w1").layers] for size in ("small", "large")}
    assert "final_squeeze_multiply" in names["small"]
    assert "final_squeeze_multiply" not in names["large"]
    assert "hidden" not in names["small"] + names["large"]


def test_the_authors_widths_are_truncated_and_the_last_is_kept():
    model = built("mobilenetv3_large_w7d20")
    assert model.get_layer("stem").filters == 5
    assert [model.get_layer(f"stage{s}_unit1_project").filters for s in range(1, 6)] == [5, 8, 14, 28, 56]
    assert model.get_layer("final").filters == 960
    assert built("mobilenetv3_large_w2").get_layer("final").filters == 1920


def test_only_the_keras_form_rounds_to_eights():
    model = built("mobilenet_v3_large", alpha=0.35)
    filters = {layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)} - {1000}
    assert {number % 8 for number in filters} == {0}
    assert model.get_layer("stem").filters == 16


def test_drop_path_and_dropout():
    model = build("mobilenet_v3_small", input_shape=(32, 32, 3), drop_path=0.5, dropout=0.0)
    assert not [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    rates = [layer.rate for layer in model.layers if type(layer).__name__ == "DropPath"]
    assert len(rates) == 6
    assert rates == sorted(rates)
    assert rates[-1] == 0.5


@pytest.mark.parametrize("output_stride", [8, 16])
def test_output_stride_changes_the_grid_and_not_the_values(seed, output_stride):
    """But for the squeezing, which averages over a finer grid: so in the minimalistic form, padded on every side."""
    arguments = {"minimalistic": True, "padding": "symmetric", "input_shape": (64, 64, 3), "include_top": False}
    strided = build("mobilenet_v3_small", alpha=0.5, **arguments)
    dilated = build("mobilenet_v3_small", alpha=0.5, **arguments, output_stride=output_stride)
    dilated.set_weights(strided.get_weights())
    x = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    step = 32 // output_stride
    np.testing.assert_allclose(np.asarray(dilated(x))[:, ::step, ::step], np.asarray(strided(x)), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("mobilenet_v3_large", {"conv": "bsconv_u"}, "mobilenet_v3 has no slot for 'bsconv_u'"),
        ("mobilenet_v3_large", {"size": "medium"}, "unknown size of mobilenet_v3: 'medium'."),
        ("mobilenetv3_small_w1d8", {}, "stage1_unit1_squeeze: expected at least one squeezed channel. Received: 0"),
        ("mobilenetv3_medium_w1", {}, "mobilenetv3_small_w1, mobilenetv3_large_w1?"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said(name, arguments, text):
    with pytest.raises(SepzooError) as raised:
        build(name, **arguments)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
